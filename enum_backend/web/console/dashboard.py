"""`/admin`: how the server does."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aiohttp import web

from enum_backend.gateways.base import Gateway
from enum_backend.messaging.gateways import SIMULATOR
from enum_backend.web.console.overview import OVERVIEWS
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View
from enum_backend.web.routes.health import readiness
from enum_backend.web.services import Services
from nvs.number_record import SourceStatus

_FACTS = (
    ("height", "Height"),
    ("age", "Behind the node"),
    ("names", "Names"),
    ("numbers", "Numbers"),
    ("skipped_names", "Skipped names"),
    ("syncing", "First sync"),
)
"""Facts of a record source, as the dashboard calls them."""


@dataclass(frozen=True, slots=True)
class GatewayLine:
    """One gateway and how it does.

    Attributes:
        state: `closed`, `open`, `half_open` (its breaker), or `half-set`.
        seconds: until an open breaker lets a message through again.
    """

    name: str
    provider: str
    state: str
    lacks: str
    seconds: float


async def dashboard(view: View) -> web.Response:
    """`GET /admin`"""
    services = view.services
    overview = await view.request.app[OVERVIEWS].latest()
    checks, verdict = await readiness(services)
    source = services.directory.source.status()
    limit = services.settings.limits.daily_cost
    return view.render(
        "dashboard.html",
        overview=overview,
        limit=limit,
        part=_part(overview.spent, limit),
        gateways=gateway_lines(services),
        verdict=verdict,
        troubles=[name for name, check in checks.items() if not check["ok"]],
        source=source,
        facts=source_facts(source),
        following=None if services.following is None else services.following.on_duty,
    )


def gateway_lines(services: Services) -> list[GatewayLine]:
    """The configured gateways; in simulation the simulator, which carries everything."""
    pool = services.pool
    gateways: list[Gateway] = list(pool.registry)
    if pool.mode == "simulation":
        gateways.append(pool.simulator)
    return [
        GatewayLine(
            name=SIMULATOR if gateway is pool.simulator else gateway.name,
            provider=gateway.provider,
            state="half-set" if gateway.missing() else pool.health(gateway.name),
            lacks=", ".join(gateway.missing()),
            seconds=pool.breakers.seconds_left(gateway.name),
        )
        for gateway in gateways
    ]


def source_facts(source: SourceStatus) -> list[tuple[str, Any]]:
    """The facts of a record source that people ask for: name, figure."""
    found: list[tuple[str, Any]] = []
    for key, label in _FACTS:
        value = source.facts.get(key)
        if value is None or value == "":
            continue
        if key == "age":
            value = f"{value} s"
        found.append((label, f"{value:,}" if isinstance(value, int) else value))
    return found


def _part(spent: Decimal, limit: Decimal) -> str:
    return f"{100 * spent / limit:.0f} %" if limit else ""


PAGES = (Page("GET", "", dashboard, "Dashboard"),)
