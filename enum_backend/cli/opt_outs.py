"""`enum-backend opt-outs list|add|remove`: who wants no messages, in this server's database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import Connection

from enum_backend.audit.log import record_in
from enum_backend.cli.common import common_options, load, reports_errors, run, show
from enum_backend.cli.recording import done_here
from enum_backend.clock import now_ms
from enum_backend.errors import NotFound
from enum_backend.messaging.policy import optouts
from enum_backend.messaging.policy.optouts import EVERY, Source
from enum_backend.messaging.policy.stopping import stop
from enum_backend.phone import normalize
from enum_backend.settings import LoadedSettings
from enum_backend.setup.places import database_url, prepare_data_dir
from enum_backend.storage import Sealer, open_database
from enum_backend.storage.schema import upgrade
from enum_backend.storage.sealing import load_server_key
from enum_backend.web.routes.policy import opt_out_json

T = TypeVar("T")

PAGE = 1000


@click.group("opt-outs")
def opt_outs() -> None:
    """People who want no messages."""


@opt_outs.command("list")
@click.option("--recipient", help="Only those of this number.")
@click.option(
    "--tenant", default="default", show_default=True, help="* = at numbers without owner."
)
@common_options
@reports_errors
def list_opt_outs(
    recipient: str | None, tenant: str, config_file: Path | None, as_json: bool
) -> None:
    """List a tenant's opt-outs, oldest first."""
    loaded = load(config_file)
    number = None if recipient is None else _number(loaded, recipient)

    def work(connection: Connection) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after = 0
        while page := optouts.page(connection, tenant, recipient=number, after=after, limit=PAGE):
            after = page[-1].id
            found += [opt_out_json(entry) for entry in page]
        return found

    entries = _in_database(loaded, work)
    show({"opt_outs": entries}, as_json, lambda: "\n".join(map(_line, entries)))


@opt_outs.command()
@click.argument("recipient")
@click.option("--from", "sender", default=EVERY, help="Number of ours; * = all (default).")
@click.option("--tenant", default="default", show_default=True)
@common_options
@reports_errors
def add(recipient: str, sender: str, tenant: str, config_file: Path | None, as_json: bool) -> None:
    """Send nothing more to a number; what waits for it is ended."""
    loaded = load(config_file)
    number, word = _number(loaded, recipient), _sender(loaded, sender)

    def work(connection: Connection) -> bool:
        is_new = stop(connection, tenant, word, number, Source.MANUAL, now_ms())
        if is_new:
            said = f"{number} wants no messages any more."
            _record(loaded, connection, "OPT_OUT_ADDED", said, tenant, word, number)
        return is_new

    is_new = _in_database(loaded, work, writing=True)
    state = "is opted out" if is_new else "was opted out before"
    show({"success": True, "changed": is_new}, as_json, lambda: f"{number} {state}")


@opt_outs.command()
@click.argument("recipient")
@click.option("--from", "sender", default=EVERY, help="As `list` shows it; * = all (default).")
@click.option("--tenant", default="default", show_default=True)
@common_options
@reports_errors
def remove(
    recipient: str, sender: str, tenant: str, config_file: Path | None, as_json: bool
) -> None:
    """Take an opt-out back, when the person wants messages again."""
    loaded = load(config_file)
    number, word = _number(loaded, recipient), _sender(loaded, sender)

    def work(connection: Connection) -> None:
        if not optouts.remove(connection, tenant, word, number):
            raise NotFound("There is no such opt-out.")
        said = f"{number} wants messages again."
        _record(loaded, connection, "OPT_OUT_REMOVED", said, tenant, word, number)

    _in_database(loaded, work, writing=True)
    show({"success": True, "changed": True}, as_json, lambda: f"{number} may be sent to")


def _record(
    loaded: LoadedSettings,
    connection: Connection,
    event_type: str,
    said: str,
    tenant: str,
    sender: str,
    number: str,
) -> None:
    settings = loaded.settings
    key = load_server_key(settings.server_key.get_secret_value(), settings.data_dir)
    event = done_here(event_type, said, tenant=tenant, sender=sender, phoneNumber=number)
    record_in(connection, Sealer(key), event)


def _number(loaded: LoadedSettings, text: str) -> str:
    return normalize(text, loaded.settings.default_region, field="recipient")


def _sender(loaded: LoadedSettings, text: str) -> str:
    return optouts.sender_word(text, loaded.settings.default_region)


def _in_database(
    loaded: LoadedSettings, work: Callable[[Connection], T], *, writing: bool = False
) -> T:
    prepare_data_dir(loaded.settings)
    url = database_url(loaded.settings)
    upgrade(url)

    async def go() -> T:
        database = open_database(url)
        try:
            return await (database.write(work) if writing else database.read(work))
        finally:
            await database.close()

    return run(go())


def _line(entry: dict[str, Any]) -> str:
    return (
        f"{entry['recipient']}  from {entry['sender']}  {entry['source']:<8}  {entry['created_at']}"
    )
