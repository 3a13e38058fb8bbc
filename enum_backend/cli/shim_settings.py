"""What the commands of shim tokens share: options, the store, how a token is shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from enum_backend.audit import AuditLog
from enum_backend.cli.common import load, run
from enum_backend.cli.recording import shims_here
from enum_backend.clock import now_ms
from enum_backend.errors import NotFound, wrong_field
from enum_backend.messaging.chosen import check_chosen
from enum_backend.numbers.store import NumberStore
from enum_backend.settings import LoadedSettings, Settings
from enum_backend.setup.gateways import build_pool
from enum_backend.setup.messaging import build_router
from enum_backend.setup.numbers import build_prices
from enum_backend.setup.places import database_url, local_address, prepare_data_dir
from enum_backend.setup.records import build_directory
from enum_backend.shim_tokens import NAMES, ShimToken, ShimTokenStore
from enum_backend.storage import Database, Sealer, open_database
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


@dataclass(frozen=True, slots=True)
class Here:
    """This server's tokens, and what they are checked against."""

    store: ShimTokenStore
    database: Database
    loaded: LoadedSettings


def with_store(
    config_file: Path | None, work: Callable[[ShimTokenStore, Settings], Awaitable[T]]
) -> T:
    """Work on the tokens of this server's database; a running server sees it at once.

    Raises:
        SettingsError: see `load`.
    """
    return _opened(config_file, lambda here: work(here.store, here.loaded.settings))


def ensure(
    config_file: Path | None,
    program: str,
    server: str,
    tenant: str | None,
    given: Mapping[str, Any],
    check: Callable[[Mapping[str, Any]], None] = lambda changes: None,
) -> tuple[ShimToken, str, Settings]:
    """Make a token, or change its settings; returns it, its secret text, and the settings here.

    Args:
        tenant: None = the token is there already.
        given: the settings that the command line names.
        check: raises for changes that the program could not have.

    Raises:
        NotFound: there is no such token.
        SettingsError: see `load`.
        ValidationFailed: a setting is wrong, or of no use to the tenant.
    """

    async def work(here: Here) -> tuple[ShimToken, str, Settings]:
        settings = here.loaded.settings
        changes = given_changes(given, settings)
        check(changes)
        whose = tenant or (await _existing(here.store, program, server)).tenant
        if changes.get("sender") or changes.get("gateway"):
            await _check_chosen(here, whose, changes)
        token, secret = await here.store.ensure(program, server, whose, changes)
        return token, secret, settings

    return _opened(config_file, work)


def _opened(config_file: Path | None, work: Callable[[Here], Awaitable[T]]) -> T:
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
            store = ShimTokenStore(database, sealer, shims_here(audit))
            return await work(Here(store, database, loaded))
        finally:
            await database.close()

    return run(go())


async def _check_chosen(here: Here, tenant: str, changes: Mapping[str, Any]) -> None:
    settings = here.loaded.settings
    async with AsyncExitStack() as stack:
        pool = build_pool(here.loaded)
        stack.push_async_callback(pool.registry.close)
        directory = build_directory(settings)
        stack.push_async_callback(directory.source.close)
        await NumberStore(here.database, pool.registry).load()
        router = build_router(settings, directory, pool, here.database, build_prices(settings))
        sender, gateway = changes.get("sender"), changes.get("gateway")
        await check_chosen(router, pool, tenant, sender=sender, gateway=gateway)


async def _existing(store: ShimTokenStore, program: str, server: str) -> ShimToken:
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
