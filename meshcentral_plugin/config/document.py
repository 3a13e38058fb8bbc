"""Reading and writing config.json."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any, NoReturn

from enum_backend.errors import ValidationFailed, wrong_field


def parse(text: str, name: str) -> dict[str, Any]:
    """The JSON object in a text.

    Raises:
        ValidationFailed: not strict JSON, not an object, or a name twice in one object
            (MeshCentral would silently take the last one).
    """
    try:
        document = json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=lambda pairs: _object(pairs, name),
            parse_constant=lambda word: _refuse(name, f"{word[:9]} is not JSON"),
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise wrong_field(name, f"is not JSON: {where}: {error.msg}") from None
    except RecursionError:
        raise wrong_field(name, "is nested too deeply") from None
    if not isinstance(document, dict):
        raise wrong_field(name, "expected a JSON object")
    return document


def read_text(path: Path, name: str) -> str:
    """A file's text.

    Raises:
        ValidationFailed: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise wrong_field(name, f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise wrong_field(name, f"{path}: is not UTF-8 text") from None


def without_comments(value: Any) -> Any:
    """The value without names that start with `_`, MeshCentral's way to disable an option.

    It never reads them, and its schema refuses them.
    """
    if isinstance(value, dict):
        return {k: without_comments(item) for k, item in value.items() if not k.startswith("_")}
    if isinstance(value, list):
        return [without_comments(item) for item in value]
    return value


def to_text(document: Any) -> str:
    """The file's text; the same for the same document."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only: it holds secrets.

    Raises:
        ValidationFailed: it cannot be written; the former file stays.
    """
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise wrong_field("out", f"{path}: {error.strerror}") from None


def _object(pairs: list[tuple[str, Any]], name: str) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        _refuse(name, f"{twice[:60]} stands twice in one object")
    return document


def _refuse(name: str, message: str) -> NoReturn:
    raise ValidationFailed(f"{name}: {message}")
