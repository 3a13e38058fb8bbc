"""SIM swaps: what Twilio says, what it costs, and what silence means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from enum_backend.clock import from_rfc3339
from enum_backend.errors import CostLimitExceeded
from enum_backend.gateways import GatewayError, TwilioGateway
from enum_backend.gateways.inventory.twilio_sim_swap import SimReport, look_up_sim
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.numbers import sim_swaps
from enum_backend.numbers.lookups import LookupBudget
from enum_backend.numbers.prices import load_prices
from enum_backend.numbers.sim_swaps import ProviderSimSwaps
from enum_backend.storage import Database
from enum_backend.storage.tables import spend
from tests.unit.gateways.test_twilio_gateway import OPTIONS
from tests.unit.gateways.wire_server import Answer, WireServer

NUMBER = "+447700900123"
CHANGED = "2026-04-27T10:18:50Z"


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[TwilioGateway]:
    gateway = TwilioGateway(**OPTIONS, base_url=wire.url)
    yield gateway
    await gateway.close()


@pytest.fixture
def swaps(gateway: TwilioGateway, database: Database) -> ProviderSimSwaps:
    return asking(gateway, database)


def asking(gateway: TwilioGateway, database: Database, *, may_ask: bool = True) -> ProviderSimSwaps:
    registry = GatewayRegistry()
    registry.add("twilio", gateway)
    budget = LookupBudget(database, load_prices(), ceiling=Decimal(50))
    return ProviderSimSwaps(registry, budget, may_ask=may_ask)


def told(date: str | None = CHANGED, within: object = True, code: object = None) -> Answer:
    last = {"last_sim_swap_date": date, "swapped_period": "PT48H", "swapped_in_period": within}
    found = {"last_sim_swap": last, "carrier_name": "Example Mobile", "error_code": code}
    return Answer.json({"valid": True, "sim_swap": found})


async def paid(database: Database) -> int:
    query = select(func.count()).select_from(spend)
    return int(await database.read(lambda c: c.execute(query).scalar_one()))


@pytest.mark.parametrize(
    ("answer", "report"),
    [
        (told(), SimReport(from_rfc3339(CHANGED), True)),
        (told(None, within=False), SimReport(None, False)),
        (told(None, within=None, code=60606), SimReport(None, None, "error 60606")),
        (told("yesterday", within="yes"), SimReport()),
        (Answer.json({"valid": False, "sim_swap": None}), SimReport()),
        (Answer.json({"sim_swap": {"last_sim_swap": None}}), SimReport()),
    ],
)
async def test_answers(
    wire: WireServer, gateway: TwilioGateway, answer: Answer, report: SimReport
) -> None:
    wire.answers = [answer]
    assert await look_up_sim(gateway, NUMBER) == report
    assert wire.requests[0].line == f"GET /v2/PhoneNumbers/{NUMBER}?Fields=sim_swap HTTP/1.1"


async def test_number_that_is_none(gateway: TwilioGateway) -> None:
    with pytest.raises(GatewayError):
        await look_up_sim(gateway, "../Accounts")


def test_when() -> None:
    at = from_rfc3339(CHANGED)
    assert SimReport(at, False).changed_since(at) is True
    assert SimReport(at, True).changed_since(at + 1) is False
    assert SimReport(None, True).changed_since(at) is True
    assert SimReport().changed_since(at) is None


async def test_asked_once_for_each_number_and_tenant(
    wire: WireServer, swaps: ProviderSimSwaps, database: Database
) -> None:
    wire.answers = [told(), told()]
    since = from_rfc3339(CHANGED) - 1
    assert await swaps.swapped_since(NUMBER, since, "default") is True
    assert await swaps.swapped_since(NUMBER, since + 2, "default") is False
    assert len(wire.requests) == 1
    assert await swaps.swapped_since(NUMBER, since, "acme") is True
    assert len(wire.requests) == 2
    assert await paid(database) == 2


async def test_refusal_is_no_answer_and_costs_nothing(
    wire: WireServer, swaps: ProviderSimSwaps, database: Database
) -> None:
    wire.answers = [Answer.json({"code": 20003, "message": "no"}, status=401)]
    assert await swaps.swapped_since(NUMBER, 0, "default") is None
    assert await paid(database) == 0


async def test_no_answer_in_time(
    swaps: ProviderSimSwaps, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> SimReport:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(sim_swaps, "look_up_sim", never)
    monkeypatch.setattr(sim_swaps, "WAIT_SECONDS", 0.01)
    assert await swaps.swapped_since(NUMBER, 0, "default") is None
    # It may have been made.
    assert await paid(database) == 1


async def test_no_money(
    gateway: TwilioGateway, database: Database, monkeypatch: pytest.MonkeyPatch, wire: WireServer
) -> None:
    swaps = asking(gateway, database)

    async def broke(*_: object) -> None:
        raise CostLimitExceeded

    monkeypatch.setattr(LookupBudget, "hold", broke)
    assert await swaps.swapped_since(NUMBER, 0, "default") is None
    assert wire.requests == []


async def test_nobody_to_ask(wire: WireServer, gateway: TwilioGateway, database: Database) -> None:
    private = TwilioGateway(**OPTIONS, base_url=wire.url, tenant="acme")
    half_set = TwilioGateway(**OPTIONS | {"auth_token": ""}, base_url=wire.url)
    for swaps in (
        asking(private, database),
        asking(half_set, database),
        asking(gateway, database, may_ask=False),
    ):
        assert await swaps.swapped_since(NUMBER, 0, "default") is None
    assert wire.requests == []
    await private.close()
    await half_set.close()
