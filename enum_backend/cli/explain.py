"""`enum-backend explain N`: how an SMS to a number would be routed, without sending it."""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click

from enum_backend.cli.common import common_options, load, reports_errors, run, show
from enum_backend.messaging.accepting import AcceptRules
from enum_backend.messaging.model import Client, SendRequest
from enum_backend.phone import normalize
from enum_backend.settings import LoadedSettings
from enum_backend.setup.gateways import build_pool
from enum_backend.setup.messaging import build_explainer, build_router
from enum_backend.setup.numbers import build_prices
from enum_backend.setup.places import database_url
from enum_backend.setup.records import build_directory
from enum_backend.storage import open_database
from enum_backend.storage.database import is_shared, sqlite_file, sqlite_url
from enum_backend.storage.schema import revisions, upgrade
from enum_backend.tenants.store import ceilings
from enum_backend.web.routes.explain import explain_json, seen_record
from enum_backend.web.routes.sms import parse_sender


@click.command()
@click.argument("number")
@click.option("--message", default="", help="Text to measure.")
@click.option("--from", "sender", help="Number to send from.")
@click.option("--gateway", help="Gateway to insist on.")
@click.option("--tenant", default="default", show_default=True, help="Whose message.")
@click.option("--code", "is_code", is_flag=True, help="As a message that holds a login code.")
@click.option(
    "--transliterate/--no-transliterate", default=None, help="As in POST /sms/send; else as set."
)
@common_options
@reports_errors
def explain(
    number: str,
    message: str,
    sender: str | None,
    gateway: str | None,
    tenant: str,
    is_code: bool,
    transliterate: bool | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Show every routing step, the chain, text, cost, policy, opt-outs and limits left."""
    loaded = load(config_file)
    settings = loaded.settings
    request = SendRequest(
        to=normalize(number, settings.default_region),
        text=message,
        client=Client("key:command-line", tenant, settings.limits.per_client_minute),
        sender=parse_sender(sender, settings.default_region),
        gateway=gateway,
        is_code=is_code,
        transliterate=transliterate,
    )
    answer = run(_explain(loaded, request))
    show(answer, as_json, lambda: _text(answer))


async def _explain(loaded: LoadedSettings, request: SendRequest) -> dict[str, Any]:
    settings = loaded.settings
    async with AsyncExitStack() as stack:
        pool = build_pool(loaded)
        stack.push_async_callback(pool.registry.close)
        directory = build_directory(settings)
        stack.push_async_callback(directory.source.close)
        database = open_database(_database(loaded, stack))
        stack.push_async_callback(database.close)
        prices = build_prices(settings)
        router = build_router(settings, directory, pool, database, prices)
        rules = AcceptRules(settings.limits, ceilings)
        explainer = build_explainer(settings, database, router, pool, prices, rules=rules)
        explanation = await explainer.explain(request)
        answer = explain_json(request.to, explanation, pool.mode)
        return answer | {"record": await seen_record(directory, request.to)}


def _database(loaded: LoadedSettings, stack: AsyncExitStack) -> str:
    """The server's database where there is one; else an empty one, so that nothing is created."""
    url = database_url(loaded.settings)
    has_tables = revisions(url)[0] if is_shared(url) else sqlite_file(url).exists()
    if not has_tables:
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
        lines.append(f"  trust     {seen['trust']['reason']}")
    for step in answer["steps"]:
        mark = "*" if step["applied"] else " "
        lines.append(f"  {mark} {step['rule']:<9} {step['why']}")
    cost = answer["estimated_cost"]
    chain = (_hop(name, answer["senders"].get(name)) for name in answer["chain"])
    lines += [
        f"  chain     {' -> '.join(chain)}",
        f"  text      {answer['encoding']}, {answer['segments']} segment(s)",
        *_alphabet_lines(answer),
        f"  cost      {cost['amount'] + ' ' + cost['currency'] if cost else 'no price is set'}",
    ]
    lines += [
        f"  limit     {item['name']}: {item['used']} of {item['limit']} used, {item['left']} left"
        for item in answer["limits"]
    ]
    lines += [f"  refused   {item['error_code']}: {item['detail']}" for item in answer["refusals"]]
    return "\n".join(lines)


def _hop(name: str, sender: str | None) -> str:
    """`telnyx (+14155550100)`."""
    return f"{name} ({sender})" if sender and sender != name else name


def _alphabet_lines(answer: dict[str, Any]) -> list[str]:
    """What keeps the text out of GSM-7, and what plain characters would make of it."""
    lines = []
    if answer["forcing_ucs2"]:
        lines.append(f"  UCS-2 by  {' '.join(answer['forcing_ucs2'])}")
    if plain := answer["transliterated"]:
        pairs = ", ".join(f"{item['character']} -> {item['plain']}" for item in plain["replaced"])
        used = "sent so" if plain["applied"] else "if transliterated"
        lines.append(
            f"  plain     {plain['encoding']}, {plain['segments']} segment(s), {used}: {pairs}"
        )
    return lines
