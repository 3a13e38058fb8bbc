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
_USERINFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")


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
        for name in type(value).model_fields:
            yield from _walk(getattr(value, name), (*path, name))
    elif isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _walk(item, (*path, str(key)))
    else:
        yield path, value


def _origin(dotted: str, origins: Mapping[str, str]) -> str:
    return origins.get(dotted, "default")


def _mask(path: tuple[str, ...], value: Any) -> Any:
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        if path[-1] == "url":
            return _USERINFO.sub(MASK, text)
        return MASK if text else ""
    if path[0] == "gateways" and isinstance(value, str) and value:
        secret_url = path[-1] == "url"
        if secret_url or (_SECRET_KEY.search(path[-1]) and path[-1] not in _NOT_SECRET):
            return MASK
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple):
        return [item.model_dump() if isinstance(item, BaseModel) else item for item in value]
    if isinstance(value, dict):
        return {key: _mask((*path, key), item) for key, item in value.items()}
    if isinstance(value, str):
        return _USERINFO.sub(MASK, value)
    return value if isinstance(value, (int, float, bool)) or value is None else str(value)
