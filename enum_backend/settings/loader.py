"""Reads the settings file, the environment and the flags, and says where each value came from."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import BaseModel, ValidationError

from enum_backend.errors import SettingsError
from enum_backend.settings.agents import ServiceSettings
from enum_backend.settings.environment import settings_from
from enum_backend.settings.models import (
    RESERVED,
    OwnerSettings,
    PrefixRoute,
    Settings,
    ZoneSettings,
)
from enum_backend.settings.policy import CountryKeywords, TenantPolicy
from enum_backend.settings.tenants import TenantSettings

MAX_FILE_OCTETS = 1_000_000


@dataclass(frozen=True)
class LoadedSettings:
    """The effective settings and their provenance.

    Attributes:
        origins: dotted path -> `settings.toml`, a variable's name, or `flag`;
            what is not in it is a default.
        warnings: sentences for the start log.
    """

    settings: Settings
    origins: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def load_settings(
    config: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[tuple[str, ...], Any] | None = None,
) -> LoadedSettings:
    """Defaults < settings file < environment (`.env` below real variables) < flags.

    Args:
        config: TOML file; None = none.
        environment: None = the process's, over `.env` of the working directory.
        flags: setting path -> value of a command-line flag.

    Raises:
        SettingsError: names the file or variable, the key, and what was expected,
            of each setting that is wrong.
    """
    if environment is None:
        environment = {**_read_dotenv(), **os.environ}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    problems: dict[str, str] = {}
    if config is not None:
        values = _read_toml(config)
        problems.update(_wrong_keys(values, Settings, (), str(config)))
        origins.update({".".join(path): str(config) for path, _ in _leaves(values)})
    overriding = [*settings_from(environment).items()]
    overriding += [(path, (value, "flag")) for path, value in (flags or {}).items()]
    for path, (value, origin) in overriding:
        if wrong := dict(_place(values, path, value, origin)):
            problems.update(wrong)
            continue
        table = value if isinstance(value, dict) else {}
        set_here = [(*path, *leaf) for leaf, _ in _leaves(table)] or [path]
        origins.update({".".join(leaf): origin for leaf in set_here})
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for dotted, sentence in _described(error, origins):
            problems.setdefault(dotted, sentence)
    if problems:
        raise SettingsError("; ".join(dict.fromkeys(problems.values())))
    return LoadedSettings(
        settings=settings,
        origins=origins,
        warnings=tuple(_reserved(origins)),
    )


def _read_dotenv() -> dict[str, str]:
    try:
        found = dotenv_values(".env")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f".env: cannot be read ({type(error).__name__})") from None
    return {key: value for key, value in found.items() if value is not None}


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    if len(raw) > MAX_FILE_OCTETS:
        raise SettingsError(f"{path}: larger than {MAX_FILE_OCTETS} octets")
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None


def _leaves(values: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*prefix, key))
        else:
            yield (*prefix, key), value


def _known_keys(model: type[BaseModel]) -> dict[str, Any]:
    return {info.alias or name: info.annotation for name, info in model.model_fields.items()}


def _wrong_keys(
    values: Any, model: type[BaseModel], path: tuple[str, ...], origin: str
) -> Iterator[tuple[str, str]]:
    """(path, sentence) of each unknown key, naming the nearest known one."""
    if not isinstance(values, dict):
        dotted = ".".join(path)
        yield dotted, f"{origin}: {dotted}: expected a table"
        return
    known = _known_keys(model)
    for key, value in values.items():
        dotted = ".".join((*path, key))
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f', did you mean "{near[0]}"?' if near else f"; known: {', '.join(known)}"
            yield dotted, f"{origin}: unknown setting {dotted}{hint}"
            continue
        kind = known[key]
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _wrong_keys(value, kind, (*path, key), origin)
        elif (items := _TABLES.get((*path, key))) and isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict) or items is not ZoneSettings:
                    yield from _wrong_keys(item, items, (*path, f"{key}[{index}]"), origin)


_INDEX = re.compile(r"\.(\d+)(?=\.|$)")

_TABLES: dict[tuple[str, ...], type[BaseModel]] = {
    ("trust", "owners"): OwnerSettings,
    ("routing", "prefixes"): PrefixRoute,
    ("dns", "zones"): ZoneSettings,
    ("policy", "tenants"): TenantPolicy,
    ("keywords", "countries"): CountryKeywords,
    ("tenants",): TenantSettings,
    ("agents", "services"): ServiceSettings,
}


def _place(
    values: dict[str, Any], path: tuple[str, ...], value: Any, origin: str
) -> Iterator[tuple[str, str]]:
    """Set one value; a table adds to what stands there, key by key.

    Yields (path, sentence) of what is wrong; then nothing is set.
    """
    nested: Any = value
    for key in reversed(path):
        nested = {key: nested}
    wrong = list(_wrong_keys(nested, Settings, (), origin))
    here = values
    for key in () if wrong else path[:-1]:
        child = here.setdefault(key, {})
        if not isinstance(child, dict):
            dotted = ".".join(path)
            wrong = [(dotted, f"{origin}: {dotted}: {key} is not a table")]
            break
        here = child
    if not wrong:
        _merge(here, path[-1], value)
    yield from wrong


def _merge(table: dict[str, Any], key: str, value: Any) -> None:
    if isinstance(value, dict) and isinstance(standing := table.get(key), dict):
        for inner, item in value.items():
            _merge(standing, inner, item)
    else:
        table[key] = value


def _described(error: ValidationError, origins: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(path, sentence) of each finding; paths as `_wrong_keys` writes them."""
    for item in error.errors(include_input=False, include_url=False):
        path = _INDEX.sub(r"[\1]", ".".join(str(part) for part in item["loc"]))
        origin = next((o for p, o in origins.items() if _is_under(path, p)), None)
        where = f"{origin}: " if origin else ""
        yield path, f"{where}{path}: {item['msg'].removeprefix('Value error, ')}"


def _is_under(path: str, table: str) -> bool:
    return path == table or path.startswith((f"{table}.", f"{table}["))


def _reserved(origins: Mapping[str, str]) -> Iterator[str]:
    for path, origin in origins.items():
        if any(path == name or path.startswith(f"{name}.") for name in RESERVED):
            yield f"{path} ({origin}) is accepted but has no effect in this version"
