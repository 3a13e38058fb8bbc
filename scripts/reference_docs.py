#!/usr/bin/env python3
"""Write the tables of docs/reference from the code, between `<!-- begin NAME -->` markers.

python scripts/reference_docs.py           write them
python scripts/reference_docs.py --check   exit 1 when one is out of date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel, SecretStr

from enum_backend.cli import cli
from enum_backend.extensions import load_extensions
from enum_backend.gateways.base import Gateway, GatewayOptions
from enum_backend.gateways.providers import providers
from enum_backend.settings.models import (
    RESERVED,
    OwnerSettings,
    PrefixRoute,
    Settings,
    ZoneSettings,
)
from enum_backend.settings.policy import CountryKeywords, TenantPolicy
from enum_backend.settings.tenants import TenantSettings
from enum_backend.web import application
from enum_backend.web.openapi import error_statuses

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
_BLOCK = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def main() -> int:
    stale = []
    for path in sorted(REFERENCE.glob("*.md")):
        text = path.read_text("utf-8")
        made = _BLOCK.sub(lambda match: match[1] + BLOCKS[match[2]]() + "\n" + match[3], text)
        if made != text:
            stale.append(path)
            if "--check" not in sys.argv:
                path.write_text(made, "utf-8")
    for path in stale:
        print(f"{'out of date' if '--check' in sys.argv else 'written'}: {path.relative_to(ROOT)}")
    return 1 if stale and "--check" in sys.argv else 0


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|" + "|".join(" --- " for _ in names) + "|"]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def settings() -> str:
    return table(("setting", "default", "meaning"), _settings(Settings, ()))


def _settings(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    for name, info in model.model_fields.items():
        here = (*path, info.alias or name)
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings(kind, here)
            continue
        dotted = ".".join(here)
        reserved = any(dotted == item or dotted.startswith(f"{item}.") for item in RESERVED)
        note = " (no effect in this version)" if reserved else ""
        yield f"`{dotted}`", _default(info.default), f"{info.description}{note}"
        items = _TABLES.get(dotted)
        if items is not None:
            yield from _settings(items, (*path, f"{name}[]"))


_TABLES = {
    "trust.owners": OwnerSettings,
    "routing.prefixes": PrefixRoute,
    "dns.zones": ZoneSettings,
    "policy.tenants": TenantPolicy,
    "keywords.countries": CountryKeywords,
    "tenants": TenantSettings,
}


def gateway_options() -> str:
    parts = []
    common = set(GatewayOptions.model_fields)
    rows = list(_options(GatewayOptions, set()))
    parts.append("Every gateway:\n\n" + table(("key", "default", "meaning"), rows))
    for name, provider in sorted(providers().items()):
        gateway = provider.gateway
        rows = list(_options(gateway.Options, common))
        if rows:
            needed = ", ".join(f"`{key}`" for key in gateway.required) or "nothing"
            head = f"`{name}` (needs {needed}):\n\n"
            parts.append(head + table(("key", "default", "meaning"), rows))
    return "\n\n".join(parts)


def _options(model: type[GatewayOptions], leave: set[str]) -> Iterator[tuple[str, str, str]]:
    for name, info in model.model_fields.items():
        if name not in leave:
            yield f"`{info.alias or name}`", _default(info.default), info.description or ""


def gateways() -> str:
    def row(name: str, gateway: type[Gateway]) -> tuple[object, ...]:
        can = gateway.capabilities
        flags = (can.status_query, can.delivery_reports, can.inbound, can.numbers, can.line_type)
        return (
            f"`{name}`",
            {"none": "", "key": "header", "own_id": "own id"}[can.idempotency],
            *("yes" if flag else "" for flag in (can.lookup_by_own_id, *flags, can.balance)),
            can.max_characters or "",
        )

    head = (
        "provider",
        "idempotency",
        "look-up by own id",
        "status query",
        "delivery reports",
        "inbound",
        "numbers",
        "line type",
        "balance",
        "longest text",
    )
    return table(head, (row(name, item.gateway) for name, item in sorted(providers().items())))


def errors() -> str:
    return table(
        ("error_code", "HTTP status"),
        ((f"`{code}`", status) for code, status in sorted(error_statuses().items())),
    )


def paths() -> str:
    endpoints = [*application.ENDPOINTS]
    for extension in load_extensions():
        endpoints += extension.endpoints()
    return table(
        ("method", "path", "scope", "what it does"),
        (
            (item.method, f"`{item.path}`", f"`{item.scope}`" if item.scope else "-", item.summary)
            for item in endpoints
            if not item.hidden
        ),
    )


def commands() -> str:
    for extension in load_extensions():
        for command in extension.commands():
            cli.add_command(command)
    return "\n\n".join(_commands(cli, "enum-backend"))


def _commands(command: click.Command, path: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _commands(command.commands[name], f"{path} {name}")
        return
    context = click.Context(command, info_name=path)
    options = [
        (", ".join(f"`{name}`" for name in option.opts), option.help or "")
        for option in command.params
        if isinstance(option, click.Option)
    ]
    usage = " ".join(command.collect_usage_pieces(context)[1:])
    text = f"### `{path} {usage}`".rstrip(" `") + "`\n\n" + (command.help or "")
    yield text + "\n\n" + table(("option", "meaning"), options)


def _default(value: Any) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        value = list(value)
    return f"`{value}`" if value not in ("", [], {}) else ""


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


BLOCKS: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (settings, gateway_options, gateways, errors, paths, commands)
}

if __name__ == "__main__":
    sys.exit(main())
