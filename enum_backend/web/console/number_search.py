"""`/admin/numbers/search` and `/buy`: numbers on sale."""

from __future__ import annotations

from decimal import Decimal

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.errors import EnumBackendError
from enum_backend.gateways.inventory.base import NumberQuery
from enum_backend.gateways.providers import providers
from enum_backend.numbers.offers import SearchResult
from enum_backend.numbers.store import NumberState
from enum_backend.phone import normalize
from enum_backend.web.acting import record
from enum_backend.web.console.numbers import ADMIN, number_event
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View
from enum_backend.web.routes.numbers_models import AvailableQuery


class Asked(BaseModel):
    """The number that may be bought."""

    number: str = Field(max_length=64)
    gateway: str = Field(max_length=64)


class BuyForm(Asked):
    """The most that may be paid at once, US dollars: first month and set-up."""

    price: Decimal = Field(ge=0, max_digits=12, decimal_places=6)


async def search(view: View) -> web.Response:
    """`GET /admin/numbers/search`: asks the providers once a country or area is given."""
    found: SearchResult | None = None
    if view.form.has("quantity"):
        try:
            found = await _found(view)
        except EnumBackendError as error:
            view.form.refuse(error)
    services = view.services
    sellers = [
        gateway.name
        for gateway in services.pool.registry
        if (kind := providers().get(gateway.provider)) is not None and kind.inventory is not None
    ]
    return view.render(
        "number_search.html",
        status=422 if view.form.is_refused else 200,
        found=found,
        sellers=[(name, name) for name in sellers],
        region=services.settings.default_region,
    )


async def _found(view: View) -> SearchResult:
    query = view.form.read(AvailableQuery)
    wanted = NumberQuery(
        country=query.country.upper() or view.services.settings.default_region,
        area_code=query.area_code,
        features=query.features,
        quantity=query.quantity,
    )
    return await view.services.numbers.search(ADMIN, wanted, query.gateway or None)


async def ask_buy(view: View) -> web.Response:
    """`GET /admin/numbers/buy`"""
    asked = view.form.read(Asked)
    return _ask(view, asked.number, asked.gateway)


def _ask(view: View, number: str, gateway: str) -> web.Response:
    return view.render(
        "number_buy.html",
        status=422 if view.form.is_refused else 200,
        number=number,
        gateway=gateway,
    )


async def buy(view: View) -> web.Response:
    """`POST /admin/numbers/buy`: not more is paid than was shown."""
    asked = view.form.read(Asked)
    try:
        row = await view.services.numbers.buy(
            ADMIN,
            normalize(asked.number, view.services.settings.default_region, field="number"),
            gateway=asked.gateway,
            price=view.form.read(BuyForm).price,
        )
    except EnumBackendError as error:
        view.form.refuse(error)
        return _ask(view, asked.number, asked.gateway)
    await record(view.call, number_event(view, "NUMBER_BOUGHT", row, "was bought"))
    if row.state is NumberState.ACTIVE:
        return view.go("/numbers", f"{row.number} is yours.")
    return view.go("/numbers", f"{row.number} is ordered; it is yours once the provider says so.")


PAGES = (
    Page("GET", "/numbers/search", search, "Buy a number", menu="/numbers"),
    Page("GET", "/numbers/buy", ask_buy, "Buy a number", menu="/numbers"),
    Page("POST", "/numbers/buy", buy, "Buy a number", menu="/numbers"),
)
