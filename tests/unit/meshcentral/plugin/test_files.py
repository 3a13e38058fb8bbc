"""What of the plugin is handed out: the manifest MeshCentral accepts, one archive, the wheel."""

from __future__ import annotations

import io
import json
import re
import tomllib
import zipfile
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

from enum_backend import __version__
from meshcentral_plugin.plugin_files import (
    ARCHIVE,
    MANIFEST,
    SHORT_NAME,
    manifest,
    manifest_text,
    pack,
    plugin_files,
)

ROOT = Path(__file__).parents[4]
BASE = "https://sms.example.org/meshcentral/plugin"


def test_the_manifest_is_what_meshcentral_demands() -> None:
    found = manifest(BASE)
    texts = (
        *("name", "shortName", "version", "description", "homepage"),
        *("changelogUrl", "configUrl", "downloadUrl", "meshCentralCompat"),
    )
    assert all(isinstance(found[name], str) and found[name] for name in texts)
    assert found["shortName"] == SHORT_NAME
    assert re.fullmatch(r"[A-Za-z0-9]+", SHORT_NAME)
    assert found["hasAdminPanel"] is True
    assert found["repository"] == {"type": "git", "url": "https://sms.example.org/"}
    assert found["version"] == __version__
    assert found["downloadUrl"] == f"{BASE}/{ARCHIVE}"
    assert manifest(f"{BASE}/") == found


def test_the_update_check_finds_nothing_it_could_compare() -> None:
    """What names another `configUrl` than the stored one ends MeshCentral."""
    assert {manifest(base)["configUrl"] for base in (BASE, "http://192.0.2.1:8080")} == {
        "http://127.0.0.1:9/enumbackend-has-no-update-check"
    }


def test_the_folder_works_as_it_lies_there() -> None:
    text = (files("meshcentral_plugin") / "plugin" / MANIFEST).read_text("utf-8")
    assert json.loads(text)["version"] == __version__
    assert json.loads(text).keys() == manifest(BASE).keys()


def test_the_archive_is_the_same_each_time() -> None:
    packed = pack(BASE)
    assert pack(BASE) == packed
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        contents = {info.filename: archive.read(info) for info in archive.infolist()}
    names = list(contents)
    assert all(name.startswith(f"{SHORT_NAME}/") for name in names)
    for name in names:
        folder = f"{name.rstrip('/').rpartition('/')[0]}/"
        assert folder == "/" or names.index(folder) < names.index(name), name
    assert contents[f"{SHORT_NAME}/{MANIFEST}"].decode() == manifest_text(BASE)
    for name, octets in plugin_files().items():
        assert contents[f"{SHORT_NAME}/{name}"] == octets


def test_files_can_be_read_by_everybody() -> None:
    with zipfile.ZipFile(io.BytesIO(pack(BASE))) as archive:
        modes = {info.is_dir(): (info.external_attr >> 16) & 0o777 for info in archive.infolist()}
    assert modes == {True: 0o755, False: 0o644}


def test_the_wheel_holds_all_of_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["meshcentral_plugin"]
    folder = ROOT / "meshcentral_plugin"
    lying = {
        path.relative_to(folder).as_posix()
        for path in (folder / "plugin").rglob("*")
        if path.is_file()
    }
    assert lying == {f"plugin/{name}" for name in (*plugin_files(), MANIFEST)}
    for name in lying:
        # A pattern's * does not cross folders there.
        assert any(
            name.count("/") == pattern.count("/") and fnmatch(name, pattern) for pattern in patterns
        ), name


def test_nothing_to_install_and_nothing_from_elsewhere() -> None:
    """Only node's own modules and ours; the page loads nothing."""
    built_in = {"crypto", "fs", "http", "https", "path"}
    for name, octets in plugin_files().items():
        text = octets.decode("utf-8")
        for module in re.findall(r"require\('([^']+)'\)", text):
            assert module in built_in or module.startswith("./"), (name, module)
        assert not re.search(r"(src|href)=|@import|url\(|https?://(?!sms\.example\.org)", text) or (
            name == "lib/settings.js" or name == "enumbackend.js"
        ), name
