"""`enum-backend explain N`: how an SMS to a number would be routed, without sending it."""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click

from enum_backend.cli.common import common_options, load, reports_errors, run, show
from enum_backend.messaging.model import SendRequest
from enum_backend.messaging.routing import Router
from enum_backend.messaging.service import MessageService, key_client
from enum_backend.phone import normalize
from enum_backend.settings import LoadedSettings
from enum_backend.setup.gateways import build_pool
from enum_backend.setup.numbers import build_prices
from enum_backend.setup.places import database_url
from enum_backend.setup.records import build_directory
from enum_backend.storage import Database, Sealer
from enum_backend.storage.database import sqlite_file, sqlite_url
from enum_backend.storage.schema import upgrade
from enum_backend.web.routes.enum import explain_json, seen_record
from enum_backend.web.routes.sms import parse_sender


@click.command()
@click.argument("number")
@click.option("--message", default="", help="Text to measure.")
@click.option("--from", "sender", help="Number to send from.")
@click.option("--gateway", help="Gateway to insist on.")
@common_options
@reports_errors
def explain(
    number: str,
    message: str,
    sender: str | None,
    gateway: str | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Show every routing step, the chain, segments, cost and limits left."""
    loaded = load(config_file)
    answer = run(_explain(loaded, number, message, sender, gateway))
    show(answer, as_json, lambda: _text(answer))


async def _explain(
    loaded: LoadedSettings, number: str, message: str, sender: str | None, gateway: str | None
) -> dict[str, Any]:
    settings = loaded.settings
    to = normalize(number, settings.default_region)
    async with AsyncExitStack() as stack:
        pool = build_pool(loaded)
        stack.push_async_callback(pool.registry.close)
        directory = build_directory(settings)
        stack.push_async_callback(directory.source.close)
        database = Database(_database(loaded, stack))
        stack.callback(database.close)
        service = MessageService(
            database,
            Sealer(bytes(32)),
            Router(
                directory,
                pool,
                fallback=settings.routing.fallback,
                prefixes=settings.routing.prefixes,
            ),
            pool,
            limit_settings=settings.limits,
            dispatch=settings.dispatch,
            test_numbers=settings.test_numbers,
            prices=build_prices(settings),
        )
        explanation = await service.explain(
            SendRequest(
                to=to,
                text=message,
                client=key_client("command-line", "default", settings.limits),
                sender=parse_sender(sender, settings.default_region),
                gateway=gateway,
            )
        )
        answer = explain_json(to, explanation, pool.mode)
        return answer | {"record": await seen_record(directory, to)}


def _database(loaded: LoadedSettings, stack: AsyncExitStack) -> str:
    """The server's database where there is one; else an empty one, so that nothing is created."""
    url = database_url(loaded.settings)
    if not sqlite_file(url).exists():
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="enum-backend-"))
        url = sqlite_url(Path(folder))
    upgrade(url)
    return url


def _text(answer: dict[str, Any]) -> str:
    lines = [f"{answer['number']} -> {answer['destination']}  ({answer['mode']} mode)"]
    if seen := answer["record"]:
        height = "" if seen["height"] is None else f", height {seen['height']}"
        stale = f", {seen['stale_seconds']} s old" if seen["stale_seconds"] else ""
        lines.append(f"  record    {seen['trust']['level']}, {seen['source']}{height}{stale}")
    for step in answer["steps"]:
        mark = "*" if step["applied"] else " "
        lines.append(f"  {mark} {step['rule']:<9} {step['why']}")
    cost = answer["estimated_cost"]
    lines += [
        f"  chain     {' -> '.join(answer['chain'])}",
        f"  text      {answer['encoding']}, {answer['segments']} segment(s)",
        f"  cost      {cost['amount'] + ' ' + cost['currency'] if cost else 'no price is set'}",
    ]
    lines += [
        f"  limit     {item['name']}: {item['used']} of {item['limit']} used"
        for item in answer["limits"]
    ]
    return "\n".join(lines)
