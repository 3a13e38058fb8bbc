"""`enum-backend keys create|list|revoke`: API keys of this server's database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from enum_backend.access import SCOPES, ApiKey, KeyStore
from enum_backend.cli.common import common_options, load, reports_errors, run, show
from enum_backend.clock import rfc3339
from enum_backend.setup.places import database_url, prepare_data_dir
from enum_backend.storage import Database
from enum_backend.storage.schema import upgrade

T = TypeVar("T")


@click.group()
def keys() -> None:
    """API keys."""


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=("sms:send", "sms:read"),
    show_default=True,
    help=f"One of {', '.join(SCOPES)}; may be given several times.",
)
@click.option("--tenant", default="default", show_default=True)
@common_options
@reports_errors
def create(
    name: str, scopes: tuple[str, ...], tenant: str, config_file: Path | None, as_json: bool
) -> None:
    """Make a key; its token is shown once."""
    key, token = _with_store(config_file, lambda store: store.create(name, scopes, tenant))
    show(_json(key) | {"token": token}, as_json, lambda: f"{key.id}\n{token}")


@keys.command("list")
@common_options
@reports_errors
def list_keys(config_file: Path | None, as_json: bool) -> None:
    """List the keys, without their tokens."""
    found = _with_store(config_file, lambda store: store.list())
    show({"keys": [_json(key) for key in found]}, as_json, lambda: "\n".join(map(_line, found)))


@keys.command()
@click.argument("key_id")
@common_options
@reports_errors
def revoke(key_id: str, config_file: Path | None, as_json: bool) -> None:
    """End a key at once."""
    _with_store(config_file, lambda store: store.revoke(key_id))
    show({"success": True, "id": key_id}, as_json, lambda: f"{key_id} is revoked")


def _with_store(config_file: Path | None, work: Callable[[KeyStore], Awaitable[T]]) -> T:
    loaded = load(config_file)
    prepare_data_dir(loaded.settings)
    url = database_url(loaded.settings)
    upgrade(url)

    async def go() -> T:
        database = Database(url)
        try:
            return await work(KeyStore(database))
        finally:
            database.close()

    return run(go())


def _json(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "scopes": sorted(key.scopes),
        "created_at": rfc3339(key.created_at),
        "revoked_at": rfc3339(key.revoked_at) if key.revoked_at else None,
    }


def _line(key: ApiKey) -> str:
    state = "revoked" if key.revoked_at else "live"
    return f"{key.id}  {state:<7}  {key.tenant}  {','.join(sorted(key.scopes))}  {key.name}"
