"""`enum-backend numbers ...`: search, buy, list, release, import and classify numbers.

What changes our numbers goes through the running server, which counts the
money and knows them from then on; `search` and `classify` need no server.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from enum_backend.cli.common import (
    ask_server,
    common_options,
    fail,
    load,
    reports_errors,
    run,
    show,
)
from enum_backend.cli.numbers_local import classify_document, search_document
from enum_backend.cli.numbers_text import (
    bought_text,
    check_text,
    classify_text,
    import_text,
    list_text,
    released_text,
    search_text,
)

REQUEST_SECONDS = 150.0
"""Longer than a provider may take for an order, or for all pages of an account."""

_ask = partial(ask_server, seconds=REQUEST_SECONDS)


@click.group()
def numbers() -> None:
    """Phone numbers: search, buy, list, release, import, classify."""


@numbers.command()
@click.option("--gateway", default="", help="One gateway; default all that sell numbers.")
@click.option("--country", default="", help="ISO 3166; default the setting default_region.")
@click.option("--area-code", default="", help="Digits after the country code.")
@click.option("--features", default="sms", show_default=True, help="Some of sms, mms, voice.")
@click.option("--quantity", type=click.IntRange(1, 50), default=10, show_default=True)
@common_options
@reports_errors
def search(
    gateway: str,
    country: str,
    area_code: str,
    features: str,
    quantity: int,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Numbers on sale, with their price; exit code 1 if no gateway could be asked."""
    loaded = load(config_file)
    query = {
        "gateway": gateway,
        "country": country,
        "area_code": area_code,
        "features": features,
        "quantity": str(quantity),
    }
    document = run(search_document(loaded, query))
    show(document, as_json, lambda: search_text(document))
    if document["failures"] and not document["numbers"]:
        raise SystemExit(1)


@numbers.command()
@click.argument("number")
@click.option("--gateway", help="Needed if several sell numbers.")
@click.option("--price", type=Decimal, help="The most to pay at once, in USD.")
@click.option("--yes", is_flag=True, help="Accept the price, whatever it is.")
@common_options
@reports_errors
def buy(
    number: str,
    gateway: str | None,
    price: Decimal | None,
    yes: bool,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Buy a number and point its messages at the server."""
    body: dict[str, Any] = {"number": number, "yes": yes}
    if gateway:
        body["gateway"] = gateway
    if price is not None:
        body["price"] = str(price)
    document = _ask(config_file, as_json, "POST", "/numbers", body)
    show(document, as_json, lambda: bought_text(document))


@numbers.command("list")
@common_options
@reports_errors
def list_numbers(config_file: Path | None, as_json: bool) -> None:
    """Our numbers: bought, imported, and those of the settings."""
    document = _ask(config_file, as_json, "GET", "/numbers")
    show(document, as_json, lambda: list_text(document))


@numbers.command()
@click.argument("number")
@click.option("--yes", is_flag=True, help="Needed: what is given back may be gone for good.")
@common_options
@reports_errors
def release(number: str, yes: bool, config_file: Path | None, as_json: bool) -> None:
    """Give a bought or imported number back to its provider."""
    if not yes:
        fail("a released number may be gone for good: confirm with --yes", as_json=as_json)
    document = _ask(config_file, as_json, "DELETE", f"/numbers/{quote(number, safe='+')}")
    show(document, as_json, lambda: released_text(document))


@numbers.command("import")
@click.option("--gateway", help="Needed if several sell numbers.")
@click.option("--tenant", help="Whose they become; default the gateway's, else the key's.")
@common_options
@reports_errors
def import_numbers(
    gateway: str | None, tenant: str | None, config_file: Path | None, as_json: bool
) -> None:
    """Take over the numbers an account has at its provider."""
    wanted = {"gateway": gateway, "tenant": tenant}
    body = {name: value for name, value in wanted.items() if value}
    document = _ask(config_file, as_json, "POST", "/numbers/import", body)
    show(document, as_json, lambda: import_text(document))


@numbers.command()
@click.argument("number")
@common_options
@reports_errors
def check(number: str, config_file: Path | None, as_json: bool) -> None:
    """Send a (paid) message from one of our numbers to itself and wait until it comes in."""
    document = _ask(config_file, as_json, "POST", f"/numbers/{quote(number, safe='+')}/check")
    show(document, as_json, lambda: check_text(document))
    raise SystemExit(0 if document["arrived"] else 1)


@numbers.command()
@click.argument("number")
@click.option("--live", is_flag=True, help="Ask a provider, which costs money.")
@common_options
@reports_errors
def classify(number: str, live: bool, config_file: Path | None, as_json: bool) -> None:
    """What kind of line a number is, and whether it passes where VoIP numbers do not."""
    document = run(classify_document(load(config_file), number, live=live))
    show(document, as_json, lambda: classify_text(document))
