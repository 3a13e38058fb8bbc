"""`enum-backend keys create|list|revoke`: API keys of this server's database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import click

from enum_backend.access import SCOPES, ApiKey, KeyStore
from enum_backend.audit import AuditLog
from enum_backend.cli.common import common_options, load, reports_errors, run, show
from enum_backend.cli.recording import created_here, noted_here
from enum_backend.clock import now_ms
from enum_backend.errors import wrong_field
from enum_backend.settings.base import seconds
from enum_backend.setup.places import database_url, prepare_data_dir
from enum_backend.storage import Sealer, open_database
from enum_backend.storage.schema import upgrade
from enum_backend.storage.sealing import load_server_key
from enum_backend.tenants.store import DEFAULT, seed
from enum_backend.web.fields import read_sender, read_time
from enum_backend.web.routes.keys import key_json

T = TypeVar("T")


@click.group()
def keys() -> None:
    """API keys."""


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "--scopes",
    "scopes",
    multiple=True,
    default=("sms:send,sms:read",),
    show_default=True,
    help=f"Some of {', '.join(SCOPES)}: comma-separated, or given several times.",
)
@click.option("--tenant", default=DEFAULT, show_default=True, help="Whose key it is.")
@click.option("--daily-cost", type=Decimal, help="USD its messages may cost in 24 hours.")
@click.option("--per-minute", type=int, help="Messages in a minute, 0 = no ceiling.")
@click.option("--sender", "senders", multiple=True, help="The only numbers it may send from.")
@click.option("--expires", help="RFC 3339 time, or how long it lives: 12h, 30d.")
@common_options
@reports_errors
def create(
    name: str,
    scopes: tuple[str, ...],
    tenant: str,
    daily_cost: Decimal | None,
    per_minute: int | None,
    senders: tuple[str, ...],
    expires: str | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Make a key; its token is shown once."""
    region = load(config_file).settings.default_region
    words = [word.strip() for item in scopes for word in item.split(",") if word.strip()]
    wanted = [read_sender(sender, region, field="senders") for sender in senders]
    expires_at = _expires(expires)
    key, token = _with_store(
        config_file,
        lambda store, audit: store.create(
            name,
            words,
            tenant,
            daily_cost=daily_cost,
            per_minute=per_minute,
            senders=wanted,
            expires_at=expires_at,
            note=created_here(audit),
        ),
    )
    show(key_json(key) | {"token": token}, as_json, lambda: f"{key.id}\n{token}")


@keys.command("list")
@click.option("--tenant", help="Only this tenant's.")
@common_options
@reports_errors
def list_keys(tenant: str | None, config_file: Path | None, as_json: bool) -> None:
    """List the keys, without their tokens."""
    found = _with_store(config_file, lambda store, _: store.list(tenant))
    show({"keys": [key_json(key) for key in found]}, as_json, lambda: "\n".join(map(_line, found)))


@keys.command()
@click.argument("key_id")
@common_options
@reports_errors
def revoke(key_id: str, config_file: Path | None, as_json: bool) -> None:
    """End a key: a running server refuses it within a second."""
    said = f"API key {key_id[:40]} was revoked."
    _with_store(
        config_file,
        lambda store, audit: store.revoke(
            key_id, note=noted_here(audit, "KEY_REVOKED", said, keyId=key_id)
        ),
    )
    show({"success": True, "id": key_id}, as_json, lambda: f"{key_id} is revoked")


def _with_store(config_file: Path | None, work: Callable[[KeyStore, AuditLog], Awaitable[T]]) -> T:
    loaded = load(config_file)
    data_dir = prepare_data_dir(loaded.settings)
    server_key = load_server_key(loaded.settings.server_key.get_secret_value(), data_dir)
    url = database_url(loaded.settings)
    upgrade(url)

    async def go() -> T:
        database = open_database(url)
        try:
            tenants = loaded.settings.tenants
            await database.write(lambda connection: seed(connection, tenants, now_ms()))
            return await work(KeyStore(database), AuditLog(database, Sealer(server_key)))
        finally:
            await database.close()

    return run(go())


def _expires(text: str | None) -> int | None:
    """Milliseconds of `--expires`: a time, or a time from now on.

    Raises:
        ValidationFailed: neither.
    """
    if text is None or "T" in text.upper():
        return read_time("expires", text)
    try:
        return now_ms() + int(float(str(seconds(text))) * 1000)
    except ValueError as error:
        raise wrong_field("expires", str(error)) from None


def _line(key: ApiKey) -> str:
    state = "live"
    if key.revoked_at:
        state = "revoked"
    elif key.expires_at and key.expires_at <= now_ms():
        state = "expired"
    return f"{key.id}  {state:<7}  {key.tenant}  {','.join(sorted(key.scopes))}  {key.name}"
