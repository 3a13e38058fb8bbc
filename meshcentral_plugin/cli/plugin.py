"""`enum-backend mesh plugin install|pack`: MeshCentral's plugin, without a way to the internet."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from enum_backend.cli.common import common_options, fail, reports_errors, show
from enum_backend.cli.shim_settings import base_url, with_store
from enum_backend.errors import wrong_field
from enum_backend.settings import Settings
from enum_backend.shim_tokens import ShimTokenStore
from meshcentral_plugin.config.document import parse, read_text, to_text
from meshcentral_plugin.plugin_files import (
    ARCHIVE,
    MANIFEST,
    PATH,
    SHORT_NAME,
    manifest,
    manifest_text,
    pack,
    plugin_files,
)
from meshcentral_plugin.plugin_folder import check_data_folder, replace_file, replace_plugin
from meshcentral_plugin.plugin_listing import (
    DATABASE,
    enabled,
    listed_in,
    other_database,
    others_enabled,
    plugin_list,
)
from meshcentral_plugin.shim_callers import PROGRAM

SETTINGS_FILE = "enumbackend.json"
DEFAULT_SECONDS = 10
_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def plugin() -> None:
    """The plugin: SMS with readable errors, and a panel for MeshCentral's administrators."""


@dataclass
class Installed:
    """What an installation found and changed."""

    folder: Path
    way: str
    changed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note_change(self, path: Path, *, has_changed: bool) -> None:
        """Keep what was written."""
        if has_changed:
            self.changed.append(str(path))


@plugin.command()
@click.option(
    "--meshcentral-data",
    "data",
    type=_FOLDER,
    required=True,
    help="MeshCentral's data folder, with its config.json.",
)
@click.option(
    "--way",
    type=click.Choice(["database", "list"]),
    help="How MeshCentral finds it: its plugin database (shown in My Server > Plugins), or"
    " settings.plugins.list; default: the list if there is one.",
)
@click.option(
    "--server",
    default="default",
    show_default=True,
    help="Name of the MeshCentral server, each has its own token.",
)
@click.option("--shim-base", metavar="URL", help="Where MeshCentral reaches enum-backend.")
@click.option("--token-file", type=_FILE, help="Its token, where our database is not here.")
@common_options
@reports_errors
def install(
    data: Path,
    way: str | None,
    server: str,
    shim_base: str | None,
    token_file: Path | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Install the plugin into a stopped MeshCentral, with the address and its token.

    Run again it updates what has changed. A running MeshCentral must be restarted at once,
    before it writes its plugin database itself.
    """
    config = check_data_folder(data)
    done = Installed(data / "plugins" / SHORT_NAME, _way(config, data, way))
    base, token = _connection(config_file, server, shim_base, token_file)
    about = manifest(base + PATH)
    listing, database = data / DATABASE, ""
    if done.way == "database":
        database = listed_in(_text(listing), about)
    wanted = enabled(config, listed=done.way == "list")
    text = _settings_text(data / SETTINGS_FILE, base, token)

    files = plugin_files() | {MANIFEST: manifest_text(base + PATH).encode("utf-8")}
    done.note_change(done.folder, has_changed=replace_plugin(done.folder, files))
    settings = data / SETTINGS_FILE
    done.note_change(settings, has_changed=replace_file(settings, text, 0o600))
    if done.way == "database":
        done.note_change(listing, has_changed=replace_file(listing, database))
    if wanted != config:
        path = data / MANIFEST
        done.note_change(path, has_changed=replace_file(path, to_text(wanted)))
    _advise(done, config)
    document = {
        "success": True,
        "folder": str(done.folder),
        "version": about["version"],
        "way": done.way,
        "url": base,
        "changed": done.changed,
        "notes": done.notes,
    }
    show(document, as_json, lambda: "\n".join(_lines(done)))


@plugin.command("pack")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(f"{SHORT_NAME}-plugin"),
    show_default=True,
    help=f"Folder for {ARCHIVE} and {MANIFEST}; or NAME.zip, {MANIFEST} stands beside it then.",
)
@click.option(
    "--base-url",
    metavar="URL",
    help="Where MeshCentral will find them; default: our own server, which serves them.",
)
@common_options
@reports_errors
def pack_(out: Path, base_url: str | None, config_file: Path | None, as_json: bool) -> None:
    """Write the plugin's archive and manifest, for Download Plugin in a running MeshCentral."""
    base = _address(base_url) if base_url else _own_base(config_file) + PATH
    folder, name = (out.parent, out.name) if out.suffix == ".zip" else (out, ARCHIVE)
    archive = pack(base, name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _check_manifest(folder / MANIFEST)
        (folder / MANIFEST).write_text(manifest_text(base, name), "utf-8")
        (folder / name).write_bytes(archive)
    except OSError as error:
        fail(f"{out}: cannot be written: {error.strerror or error}", as_json=as_json)
    document = {
        "success": True,
        "version": manifest(base)["version"],
        "written": [str(folder / MANIFEST), str(folder / name)],
        "sha256": hashlib.sha256(archive).hexdigest(),
        "enter": f"{base}/{MANIFEST}",
    }
    lines = [
        *document["written"],
        f"My Server > Plugins > Download Plugin: {document['enter']}",
        "then Install; address and token are entered in the plugin's panel",
    ]
    show(document, as_json, lambda: "\n".join(lines))


def _check_manifest(path: Path) -> None:
    """Never over a config.json of something else, such as MeshCentral's own.

    Raises:
        ValidationFailed: it is not one of ours.
    """
    if path.exists() and parse(read_text(path, "out"), "out").get("shortName") != SHORT_NAME:
        raise wrong_field("out", f"{path}: is not the plugin's; choose another folder")


def _way(config: dict[str, Any], data: Path, given: str | None) -> str:
    """`database` or `list`.

    Raises:
        ValidationFailed: MeshCentral would not load the plugin, or no longer another one.
    """
    present = plugin_list(config)
    way = given or ("list" if present is not None else "database")
    if way == "database":
        if present is not None:
            raise wrong_field("way", "settings.plugins.list is set, so MeshCentral reads no other")
        if name := other_database(config):
            hint = "use --way list, or Download Plugin in the running server (mesh plugin pack)"
            raise wrong_field("way", f"MeshCentral uses {name}, not NeDB's files: {hint}")
    elif present is None and (others := others_enabled(_text(data / DATABASE))):
        raise wrong_field("way", f"with a list MeshCentral would not load {', '.join(others)}")
    return way


def _connection(
    config_file: Path | None, server: str, shim_base: str | None, token_file: Path | None
) -> tuple[str, str]:
    """Address and token; the token is made at the first call."""
    if token_file is not None:
        if shim_base is None:
            raise wrong_field("shim-base", "is needed with --token-file")
        token = read_text(token_file, "token-file").strip()
        if not (16 <= len(token) <= 512 and token.isascii() and token.isprintable()):
            raise wrong_field("token-file", "expected a token of 16 to 512 characters")
        return _address(shim_base), token

    async def work(store: ShimTokenStore, settings: Settings) -> tuple[str, str]:
        token = await store.token_for(PROGRAM, server)
        return _address(shim_base or base_url(settings)), token

    return with_store(config_file, work)


def _own_base(config_file: Path | None) -> str:
    async def work(_: ShimTokenStore, settings: Settings) -> str:
        return base_url(settings)

    return _address(with_store(config_file, work))


def _address(text: str) -> str:
    if not text.lower().startswith(("http://", "https://")) or "?" in text or "#" in text:
        raise wrong_field("url", "must start with http:// or https://, without ? and #")
    return text.rstrip("/")


def _settings_text(path: Path, base: str, token: str) -> str:
    """The plugin's settings: what an administrator chose there stays."""
    chosen = {"timeout_seconds": DEFAULT_SECONDS, "enabled": True, "fallback": False}
    if path.exists():
        present = parse(read_text(path, SETTINGS_FILE), SETTINGS_FILE)
        chosen |= {name: present[name] for name in chosen if name in present}
    return json.dumps({"url": base, "token": token} | chosen, indent=2) + "\n"


def _text(path: Path) -> str:
    return read_text(path, DATABASE) if path.exists() else ""


def _advise(done: Installed, config: dict[str, Any]) -> None:
    if done.changed:
        done.notes.append("Restart MeshCentral to run it.")
    if not any(name.lower() == "sms" for name in config):
        done.notes.append(
            "config.json has no sms section: should the plugin ever be removed or not load, users"
            " whose only second factor is SMS log in with the password alone. Keep one as well"
            " (mesh config --via enum-backend)."
        )


def _lines(done: Installed) -> list[str]:
    return [*done.changed, *done.notes] if done.changed else ["nothing to change", *done.notes]
