"""`enum-backend costs`: what numbers that receive codes cost a month, provider by provider."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from enum_backend.cli.common import common_options, load, reports_errors, show
from enum_backend.numbers.costs import CostPlan, compare
from enum_backend.numbers.views import costs_json
from enum_backend.setup.numbers import build_prices


@click.command()
@click.option(
    "--numbers", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="Numbers."
)
@click.option(
    "--codes-per-day",
    type=click.IntRange(0, 1_000_000),
    default=10,
    show_default=True,
    help="Messages each number receives a day.",
)
@click.option(
    "--android-sims",
    type=click.IntRange(0, 1_000_000),
    help="SIMs of your own, one phone each; default one per number.",
)
@common_options
@reports_errors
def costs(
    numbers: int,
    codes_per_day: int,
    android_sims: int | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Compare the providers of the price list; a month has 30 days."""
    prices = build_prices(load(config_file).settings)
    plan = CostPlan(numbers, codes_per_day, android_sims)
    document = costs_json(plan, prices, compare(plan, prices))
    show(document, as_json, lambda: _text(document))


def _text(document: dict[str, Any]) -> str:
    head = (
        f"{document['numbers']} numbers, {document['codes_per_day']} codes a day each, "
        f"{document['currency']}, prices as of {document['as_of']}"
    )
    columns = ("a month", "rental", "messages", "per number", "once")
    keys = ("monthly", "rental", "messages", "per_number", "once")
    lines = [head, "", f"{'':<12}" + "".join(f"{name:>12}" for name in columns)]
    lines += [
        f"{item['provider']:<12}" + "".join(f"{item[key]:>12}" for key in keys)
        for item in document["providers"]
    ]
    lines += ["", "List prices without carrier surcharges; set prices_file to your own."]
    return "\n".join(lines)
