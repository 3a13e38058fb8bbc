"""Effective settings as text, secrets masked, each with where it came from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr

from enum_backend.settings.loader import LoadedSettings

MASK = "********"
_SECRET_KEY = re.compile(r"key|secret|token|password|passphrase|credential|auth", re.IGNORECASE)
_NOT_SECRET = frozenset({"public_key"})
_USERINFO = re.compile(r"(?<=://)\S+(?=@)")
_SECRET_URL = re.compile(r"^([a-z][a-z0-9+.-]*://)?.*@", re.IGNORECASE | re.DOTALL)
_FREE_FORM = frozenset({"gateways"})
"""Sections without a model: their secrets are known by their keys only."""


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One line of `config show`."""

    path: str
    value: Any
    origin: str


def shown(loaded: LoadedSettings) -> list[ShownSetting]:
    """Every effective setting in file order; secrets as `********`, empty ones as empty."""
    lines = []
    for path, value in _walk(loaded.settings, ()):
        dotted = ".".join(path)
        lines.append(ShownSetting(dotted, _mask(path, value), _origin(dotted, loaded.origins)))
    return lines


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            yield from _walk(getattr(value, name), (*path, info.alias or name))
    elif isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _walk(item, (*path, str(key)))
    else:
        yield path, value


def _origin(dotted: str, origins: Mapping[str, str]) -> str:
    return origins.get(dotted, "default")


def _mask(path: tuple[str, ...], value: Any) -> Any:
    if isinstance(value, SecretStr):
        return _mask_secret(path[-1], value.get_secret_value())
    if path[0] in _FREE_FORM and _is_secret(path) and not isinstance(value, (dict, bool)):
        return MASK if value else value
    if isinstance(value, BaseModel):
        return {key: _mask((*path, key), getattr(value, key)) for key in type(value).model_fields}
    if isinstance(value, (tuple, list)):
        return [_mask(path, item) for item in value]
    if isinstance(value, dict):
        return {key: _mask((*path, key), item) for key, item in value.items()}
    if isinstance(value, str):
        # A header of any name may hold a gateway's credentials.
        if path[0] == "gateways" and "headers" in path:
            return MASK
        return _USERINFO.sub(MASK, value)
    return value if isinstance(value, (int, float, bool)) or value is None else str(value)


def _mask_secret(key: str, text: str) -> str:
    if key != "url":
        return MASK if text else ""
    address, question, _ = text.partition("?")
    return _SECRET_URL.sub(rf"\1{MASK}@", address) + (question + MASK if question else "")


def _is_secret(path: tuple[str, ...]) -> bool:
    key = path[-1]
    if path[0] == "gateways" and key in {"url", "body"}:
        return True
    return _SECRET_KEY.search(key) is not None and key not in _NOT_SECRET
