"""MeshCentral's plugin as it is handed out: its files, its manifest, its archive."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final
from urllib.parse import quote, urlsplit

from enum_backend import __version__

SHORT_NAME: Final = "enumbackend"
"""MeshCentral's name of the folder, the script and the function in it."""
MANIFEST: Final = "config.json"
ARCHIVE: Final = f"{SHORT_NAME}.zip"
PATH: Final = "/meshcentral/plugin"
"""Where a server hands out manifest and archive."""

_KINDS = (".css", ".html", ".js", ".json")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o100644 << 16
_FOLDER_MODE = (0o040755 << 16) | 0x10


@cache
def plugin_files() -> dict[str, bytes]:
    """The plugin's files by their path in its folder, sorted, without the manifest."""
    found = dict(_walk(files("meshcentral_plugin") / "plugin", ""))
    found.pop(MANIFEST)
    return dict(sorted(found.items()))


def manifest(base: str, archive: str = ARCHIVE) -> dict[str, Any]:
    """What MeshCentral must know of the plugin.

    Its `configUrl` leads nowhere on purpose: MeshCentral's update check ends the whole server
    when what it finds there names another `configUrl` than it has stored (1.1.55,
    `getPluginLatest`), which a change of our own address would bring about.

    Args:
        base: URL below which `config.json` and the archive stand; `Download Plugin` and
            `Upgrade` download from there.
        archive: file name of the archive.
    """
    text = (files("meshcentral_plugin") / "plugin" / MANIFEST).read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    root = urlsplit(base)
    home = f"{root.scheme}://{root.netloc}/"
    return document | {
        "version": __version__,
        "homepage": home,
        "changelogUrl": home,
        "downloadUrl": f"{base.rstrip('/')}/{quote(archive)}",
        "repository": {"type": "git", "url": home},
    }


def manifest_text(base: str, archive: str = ARCHIVE) -> str:
    """The same as a file."""
    return json.dumps(manifest(base, archive), indent=2) + "\n"


def pack(base: str, archive: str = ARCHIVE) -> bytes:
    """The archive `Download Plugin` wants: one folder, which MeshCentral strips.

    The same input gives the same octets: nothing is compressed, times are constant.
    Folders stand before what is in them, because MeshCentral makes none by itself.
    """
    contents = plugin_files() | {MANIFEST: manifest_text(base, archive).encode("utf-8")}
    folders = {f"{name.rpartition('/')[0]}/" for name in contents if "/" in name}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name in ("", *sorted(folders)):
            file.writestr(_info(name, _FOLDER_MODE), b"")
        for name, data in sorted(contents.items()):
            file.writestr(_info(name, _FILE_MODE), data)
    return buffer.getvalue()


def _info(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(f"{SHORT_NAME}/{name}", _EPOCH)
    info.create_system = 3
    info.external_attr = mode
    return info


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _walk(item, f"{prefix}{item.name}/")
        elif item.name.endswith(_KINDS):
            yield f"{prefix}{item.name}", item.read_bytes()
