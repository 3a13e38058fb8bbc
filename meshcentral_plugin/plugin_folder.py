"""Files below MeshCentral's data folder, which belong to whoever MeshCentral runs as."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from enum_backend.errors import wrong_field
from meshcentral_plugin.config.document import parse, read_text
from meshcentral_plugin.plugin_files import MANIFEST, SHORT_NAME

FIELD = "meshcentral-data"


def check_data_folder(folder: Path) -> dict[str, Any]:
    """MeshCentral's settings in that folder.

    Raises:
        ValidationFailed: it is not MeshCentral's data folder, or its config.json is broken.
    """
    config = folder / MANIFEST
    if not config.is_file():
        raise wrong_field(FIELD, f"{folder}: holds no config.json, so it is not MeshCentral's")
    document = parse(read_text(config, FIELD), f"{FIELD}: {config}")
    if not ({"settings", "domains"} & {name.lower() for name in document}):
        raise wrong_field(FIELD, f"{config}: is not a configuration of MeshCentral")
    return document


def replace_file(path: Path, text: str, mode: int | None = None) -> bool:
    """Replace a file at once, if it changes; owner and mode stay as they are.

    A new file is given to the owner of its folder.

    Args:
        mode: of the file from now on; None = as it is, 0644 for a new one.

    Raises:
        ValidationFailed: it cannot be written; the former file stays.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        present = path.read_bytes() if path.exists() else None
        like = path.stat() if present is not None else path.parent.stat()
        wanted = (
            mode if mode is not None else like.st_mode & 0o777 if present is not None else 0o644
        )
        if present == text.encode("utf-8"):
            path.chmod(wanted)
            return False
        try:
            _write(temporary, text.encode("utf-8"), wanted, like)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise wrong_field(FIELD, f"{path}: {error.strerror}") from None
    return True


def replace_plugin(folder: Path, contents: dict[str, bytes]) -> bool:
    """Put the plugin's folder there at once, if it changes.

    Raises:
        ValidationFailed: what stands there is not this plugin, or it cannot be written.
    """
    _check_ours(folder)
    if _present(folder) == contents:
        return False
    mark = secrets.token_hex(8)
    new, old = (folder.with_name(f".{SHORT_NAME}.{mark}.{word}") for word in ("new", "old"))
    try:
        _make_folder(folder.parent, folder.parent.parent.stat())
        like = folder.parent.stat()
        for name, data in contents.items():
            _make_folder((new / name).parent, like)
            _write(new / name, data, 0o644, like)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except OSError as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise wrong_field(FIELD, f"{folder}: {error.strerror}") from None
    finally:
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)
    return True


def _check_ours(folder: Path) -> None:
    if folder.is_symlink():
        raise wrong_field(FIELD, f"{folder}: is a symbolic link; it is left as it is")
    if not folder.exists():
        return
    try:
        name = json.loads((folder / MANIFEST).read_text("utf-8"))["shortName"]
    except (OSError, ValueError, KeyError, TypeError):
        name = None
    if name != SHORT_NAME or not (folder / f"{SHORT_NAME}.js").is_file():
        raise wrong_field(FIELD, f"{folder}: holds something else; move it away first")


def _present(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _make_folder(folder: Path, like: os.stat_result) -> None:
    if not folder.exists():
        _make_folder(folder.parent, like)
        folder.mkdir(mode=0o755)
        _give(folder, like)


def _write(path: Path, data: bytes, mode: int, like: os.stat_result) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(mode)
    _give(path, like)


def _give(path: Path, like: os.stat_result) -> None:
    """To the owner of what is there already: run as root, MeshCentral must still read it."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.chown(path, like.st_uid, like.st_gid)
