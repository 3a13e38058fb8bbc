"""What the commands of shim tokens share: options, the store, how a token is shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from enum_backend.audit import AuditLog
from enum_backend.cli.common import load, run
from enum_backend.cli.recording import shims_here
from enum_backend.clock import now_ms
from enum_backend.errors import NotFound, wrong_field
from enum_backend.settings import Settings
from enum_backend.setup.places import database_url, local_address, prepare_data_dir
from enum_backend.shim_tokens import NAMES, ShimToken, ShimTokenStore
from enum_backend.storage import Sealer, open_database
from enum_backend.storage.schema import upgrade
from enum_backend.storage.sealing import load_server_key
from enum_backend.tenants.store import seed
from enum_backend.web.shims.tokens import read_changes

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

NONE = "none"
"""The word that takes a setting away."""
_NUMBERS = ("per_minute", "per_hour", "per_day")
_OPTIONS = (
    ("--per-minute", "Messages in a minute, 0 = no ceiling."),
    ("--per-hour", "Messages in an hour, 0 = no ceiling."),
    ("--per-day", "Messages in a day, 0 = no ceiling."),
    ("--region", "Country of numbers written without +, for example US."),
    ("--sender", "Send from this number or name."),
    ("--gateway", "Send through this gateway."),
    ("--app", "What texts call the program; default: the server's name."),
    ("--template", "Text of messages with a code: {app}, {code}, {text}."),
)


def setting_options(command: F) -> F:
    """The options of `ShimOptions`, as texts; `none` takes one away."""
    for flag, text in reversed(_OPTIONS):
        command = click.option(flag, help=text)(command)
    return command


def given_changes(given: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The settings that a command line names.

    Raises:
        ValidationFailed: one is wrong.
    """
    changes: dict[str, Any] = {}
    for name, text in given.items():
        if name not in NAMES or text is None:
            continue
        changes[name] = None if text == NONE else text
        if name in _NUMBERS and changes[name] is not None:
            if not (text.isascii() and text.isdigit()):
                raise wrong_field(name, f"expected a number, or {NONE}")
            changes[name] = int(text)
    return read_changes(changes, changes.get("region") or settings.default_region)


def with_store(
    config_file: Path | None, work: Callable[[ShimTokenStore, Settings], Awaitable[T]]
) -> T:
    """Work on the tokens of this server's database; a running server sees it at once.

    Raises:
        SettingsError: see `load`.
    """
    loaded = load(config_file)
    data_dir = prepare_data_dir(loaded.settings)
    url = database_url(loaded.settings)
    upgrade(url)
    sealer = Sealer(load_server_key(loaded.settings.server_key.get_secret_value(), data_dir))

    async def go() -> T:
        database = open_database(url)
        audit = AuditLog(database, sealer)
        try:
            tenants = loaded.settings.tenants
            await database.write(lambda connection: seed(connection, tenants, now_ms()))
            return await work(ShimTokenStore(database, sealer, shims_here(audit)), loaded.settings)
        finally:
            await database.close()

    return run(go())


async def existing(store: ShimTokenStore, program: str, server: str) -> ShimToken:
    """A live token.

    Raises:
        NotFound: there is none.
    """
    for token in await store.list(program):
        if token.server == server:
            return token
    raise NotFound("There is no live token of that server.")


def base_url(settings: Settings) -> str:
    """How the outside reaches the server; as `serve` has it."""
    http = settings.http
    return settings.public_base_url or f"http://{local_address(http.host)}:{http.port}"


def line(token: ShimToken) -> str:
    """One token in one line, without its URL."""
    named = [
        f"{name}={getattr(token.options, name)}"
        for name in NAMES
        if name != "secret" and getattr(token.options, name) is not None
    ]
    return f"{token.program:<12} {token.server:<24} {token.tenant:<12} {' '.join(named)}".rstrip()
