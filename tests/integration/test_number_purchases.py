"""Buying, following, listing, releasing and importing numbers: the same at every provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from enum_backend import app as app_module
from enum_backend.access import SCOPES
from enum_backend.app import Server
from enum_backend.clock import now_ms
from enum_backend.numbers import follow, spending
from enum_backend.numbers.follow import OrderFollower
from enum_backend.settings import load_settings
from enum_backend.storage.tables import spend
from tests.provider_mock import FIRST_START, provider_mock
from tests.shops import SHOPS, Shop, open_shop
from tests.shops.base import ON_SALE

OTHER = ON_SALE[1]


class Client:
    """The HTTP API of one server."""

    def __init__(self, server: Server, http: aiohttp.ClientSession) -> None:
        self.server = server
        self._http = http

    async def ask(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        """Status and answer of any request."""
        async with self._http.request(method, path, json=body or None) as response:
            return response.status, await response.json()

    async def __call__(self, method: str, path: str, status: int = 200, **body: Any) -> Any:
        """The answer of one that is answered with `status`."""
        got, answer = await self.ask(method, path, **body)
        assert got == status, answer
        return answer

    async def states(self) -> dict[str, str]:
        """Bought and imported numbers as they stand in the table."""
        rows = await self.server.services.numbers.store.all()
        return {row.number: row.state for row in rows}

    async def spent(self) -> Decimal:
        """What the day's ceiling sees."""
        return await self.server.services.database.read(lambda c: spending.spent(c, now_ms()))


Open = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture(params=SHOPS, ids=lambda kind: kind.provider)
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    async with open_shop(request.param) as shop:
        yield shop


@pytest.fixture
def open_server(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Starts a server on a data directory that outlives it; `watch` follows orders quickly."""
    monkeypatch.setattr(follow, "SHORTEST", 0.01)

    @asynccontextmanager
    async def started(*, watch: bool = False, **more: Any) -> AsyncIterator[Client]:
        pause = 0.02 if watch else 3600.0
        monkeypatch.setattr(
            app_module, "OrderFollower", lambda numbers: OrderFollower(numbers, pause=pause)
        )
        flags: dict[tuple[str, ...], Any] = {
            ("mode",): "live",
            ("data_dir",): str(tmp_path / "data"),
            ("public_base_url",): "https://sms.example.org",
            ("public_failover_url",): "https://two.example.org",
            ("http", "port"): 0,
            ("dns", "port"): 0,
            ("gateways", "account"): shop.settings(),
        }
        for section, table in more.items():
            flags |= {(section, key): value for key, value in table.items()}
        async with Server(load_settings(environment={}, flags=flags)) as server:
            buyer = server.services.numbers._buyer
            buyer._wait, buyer._pause = 0.2, 0.01
            _, key = await server.services.keys.create("test", SCOPES)
            headers = {"Authorization": f"Bearer {key}"}
            async with aiohttp.ClientSession(server.http_url, headers=headers) as http:
                yield Client(server, http)

    return started


@pytest.fixture
async def api(open_server: Open) -> AsyncIterator[Client]:
    async with open_server() as client:
        yield client


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.02)


def hook(shop: Shop) -> str:
    return f"https://sms.example.org/sms/webhook/{shop.provider}/account"


async def test_from_the_search_to_the_release(shop: Shop, api: Client) -> None:
    found = await api("GET", "/numbers/available?area_code=415")
    assert found["failures"] == []
    offers = {offer["number"]: offer for offer in found["numbers"]}
    assert set(offers) == set(ON_SALE)
    first = _first(offers[shop.number])
    assert f"{first:.2f}" == f"{Decimal(shop.first):.2f}"

    unconfirmed = await api("POST", "/numbers", 422, number=shop.number)
    assert f"confirm it: the number costs {first:.2f} USD" in unconfirmed["detail"]
    cheaper = str(first - Decimal("0.02"))
    await api("POST", "/numbers", 422, number=shop.number, price=cheaper)
    assert "buy" not in shop.calls
    assert await api.spent() == 0

    bought = await api("POST", "/numbers", number=shop.number, price=str(first))
    assert (bought["state"], bought["source"], bought["gateway"]) == ("active", "bought", "account")
    assert shop.owned == {shop.number: hook(shop)}
    if shop.has_failover:
        failover = hook(shop).replace("//sms.", "//two.")
        assert shop.failover == {shop.number: failover}
    else:
        assert "failover" in bought["detail"]
    assert await api.spent() == first.quantize(Decimal("0.000001"))
    again = await api("POST", "/numbers", 422, number=shop.number, yes=True)
    assert "is ours already" in again["detail"]
    assert shop.calls.count("buy") == 1

    listed = {item["number"]: item for item in (await api("GET", "/numbers"))["numbers"]}
    assert set(listed) == {shop.number, shop.own}
    assert (listed[shop.number]["state"], listed[shop.own]["source"]) == ("active", "settings")
    gateway = api.server.services.pool.registry.get("account")
    assert gateway is not None
    assert gateway.owns(shop.number)

    released = await api("DELETE", f"/numbers/{shop.number}")
    assert released["state"] == "released"
    assert (shop.owned, await api.states()) == ({}, {})
    assert not gateway.owns(shop.number)
    await api("DELETE", f"/numbers/{shop.number}", 404)
    assert await api.spent() > 0  # what was paid is paid


def _first(offer: Any) -> Decimal:
    costs = (offer[part] for part in ("monthly", "setup"))
    return sum((Decimal(cost["amount"]) for cost in costs if cost), Decimal(0))


async def test_the_daily_ceiling(shop: Shop, open_server: Open) -> None:
    async with open_server(limits={"daily_cost": "0.20"}) as api:
        refused = await api("POST", "/numbers", 402, number=shop.number, yes=True)
        assert refused["error_code"] == "COST_LIMIT_EXCEEDED"
    assert "buy" not in shop.calls
    assert shop.owned == {}


async def test_a_refused_purchase_costs_nothing(shop: Shop, api: Client) -> None:
    shop.refuse = "buy"
    status, refused = await api.ask("POST", "/numbers", number=shop.number, yes=True)
    assert (status, refused["error_code"]) in (
        (422, "VALIDATION_FAILED"),
        (502, "PROVIDER_ERROR"),
    )
    assert (await api.states(), await api.spent(), shop.owned) == ({}, 0, {})
    rows = await api.server.services.database.read(lambda c: c.execute(select(spend)).all())
    assert rows == []
    await api("POST", "/numbers", number=shop.number, yes=True)


async def test_an_order_is_followed_over_a_restart(shop: Shop, open_server: Open) -> None:
    if not shop.orders:
        pytest.skip("the provider sells at once")
    shop.slow = 10_000
    async with open_server() as api:
        bought = await api("POST", "/numbers", 202, number=shop.number, yes=True)
        assert (bought["state"], await api.states()) == ("pending", {shop.number: "pending"})
        paid = await api.spent()
        assert paid > 0
    shop.slow = 3
    async with open_server(watch=True) as api:
        await until(lambda: _is(api, {shop.number: "active"}))
        assert await api.spent() == paid
    assert shop.owned == {shop.number: hook(shop)}
    assert shop.calls.count("buy") == 1


async def test_a_lost_answer_is_cleared_up_over_a_restart(shop: Shop, open_server: Open) -> None:
    shop.lose_answer = "buy"
    shop.slow = 10_000
    async with open_server() as api:
        api.server.services.numbers._buyer._wait = 0.0
        bought = await api("POST", "/numbers", 202, number=shop.number, yes=True)
        assert (bought["state"], bought["order_id"]) == ("pending", None)
        assert bought["detail"].startswith("unclear: ")
    shop.slow = 0
    async with open_server(watch=True) as api:
        await until(lambda: _is(api, {shop.number: "active"}))
    assert shop.owned == {shop.number: hook(shop)}
    assert shop.calls.count("buy") == 1


async def test_a_bought_number_is_set_up_over_a_restart(shop: Shop, open_server: Open) -> None:
    if "set up" not in await _calls_of_a_purchase(shop, open_server) or shop.orders:
        pytest.skip("the address goes with the order, or is the account's")
    shop.owned.clear()
    shop.refuse = "set up"
    async with open_server() as api:
        api.server.services.numbers._buyer._wait = 0.0
        bought = await api("POST", "/numbers", 202, number=OTHER, yes=True)
        assert bought["detail"].startswith("bought, but")
    assert shop.owned == {OTHER: ""}
    async with open_server(watch=True) as api:
        await until(lambda: _is(api, {OTHER: "active"}))
    assert shop.owned == {OTHER: hook(shop)}


async def _calls_of_a_purchase(shop: Shop, open_server: Open) -> list[str]:
    async with open_server() as api:
        await api("POST", "/numbers", number=shop.number, yes=True)
        calls = list(shop.calls)
        await api("DELETE", f"/numbers/{shop.number}")
    return calls


async def test_a_release_is_followed_over_a_restart(shop: Shop, open_server: Open) -> None:
    async with open_server() as api:
        await api("POST", "/numbers", number=shop.number, yes=True)
        if shop.releases:
            shop.slow = 10_000
        else:
            shop.lose_answer = "release"
        released = await api("DELETE", f"/numbers/{shop.number}", 202)
        assert released["state"] == "releasing"
        assert await api.states() == {shop.number: "releasing"}
    shop.slow = 1
    async with open_server(watch=True) as api:
        await until(lambda: _is(api, {}))
    assert shop.owned == {}
    assert shop.calls.count("release") == 1


async def test_an_account_is_taken_over(shop: Shop, api: Client) -> None:
    shop.owned = {shop.number: "https://elsewhere.example.org/", OTHER: ""}
    taken = await api("POST", "/numbers/import", gateway="account")
    assert set(taken["added"]) == {shop.number, OTHER}
    assert await api.states() == {shop.number: "active", OTHER: "active"}
    assert await api.spent() == 0
    del shop.owned[OTHER]
    again = await api("POST", "/numbers/import", gateway="account")
    assert (again["known"], again["gone"]) == ([shop.number], [OTHER])


async def _is(api: Client, states: dict[str, str]) -> bool:
    return await api.states() == states


@pytest.mark.timeout(FIRST_START + 120)
async def test_the_providers_document_allows_every_request(
    shop: Shop, open_server: Open, tmp_path: Path, mocks: ExitStack
) -> None:
    if not shop.mock:
        pytest.skip("no published document of the numbers API")
    shop.document = mocks.enter_context(provider_mock(shop.mock, tmp_path / "mock.log"))
    async with open_server() as api:
        await api("GET", "/numbers/available?area_code=415&features=sms,voice")
        await api("POST", "/numbers", number=shop.number, yes=True)
        await api("POST", "/numbers/import", gateway="account")
        await api("GET", "/numbers")
        await api("DELETE", f"/numbers/{shop.number}")
    assert shop.problems == []


@pytest.fixture
def mocks() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack
