"""Reads JSON request bodies: what two readers could understand differently is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from enum_backend.errors import FieldError, ValidationFailed, wrong_field
from enum_backend.unicode_text import fault_of

M = TypeVar("M", bound=BaseModel)


def read_json(raw: bytes, model: type[M]) -> M:
    """A body as its model.

    Raises:
        ValidationFailed: not JSON; a key stands twice in an object; a text is no Unicode
            text or holds a NUL; or a field is missing, unknown or of the wrong type.
    """
    _refuse_ambiguous(raw)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise validation_failed(error) from None


def _refuse_ambiguous(raw: bytes) -> None:
    """Repeated keys (RFC 8259 leaves open which value counts), and what is no text to store."""
    # Neither a NUL nor half of a surrogate pair can stand in JSON but escaped (RFC 8259, 7).
    decoder = _KEYS_AND_TEXTS if b"\\u" in raw else _KEYS
    try:
        decoder.decode(raw.decode("utf-8"))
    except _Ambiguous as error:
        raise wrong_field(error.key, error.message) from None
    except (ValueError, RecursionError):
        return  # not JSON: the model says where


class _Ambiguous(Exception):
    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key if key.isprintable() and len(key) <= 64 else "body"
        self.message = message


def _check_keys(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise _Ambiguous(key, "stands twice in one object")
        seen.add(key)


def _check_keys_and_texts(pairs: list[tuple[str, Any]]) -> None:
    _check_keys(pairs)
    for key, value in pairs:
        for text in (key, *_texts(value)):
            if (fault := fault_of(text)) is not None:
                raise _Ambiguous(key, fault)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


_KEYS = json.JSONDecoder(object_pairs_hook=_check_keys)
_KEYS_AND_TEXTS = json.JSONDecoder(object_pairs_hook=_check_keys_and_texts)


def validation_failed(error: ValidationError) -> ValidationFailed:
    """pydantic's findings as ours: field paths and what was expected, never the input."""
    errors = [
        FieldError(_path(item["loc"]) or "body", _message(item))
        for item in error.errors(include_input=False, include_url=False)
    ]
    detail = "; ".join(f"{item.field}: {item.message}" for item in errors[:5])
    return ValidationFailed(detail, errors=errors)


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def _message(item: Any) -> str:
    if item["type"] == "json_invalid":
        return f"not valid JSON: {item['ctx']['error']}"
    if item["type"] == "extra_forbidden":
        return "is not a known field"
    return str(item["msg"]).removeprefix("Value error, ")
