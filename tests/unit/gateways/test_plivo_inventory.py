"""Plivo: numbers, applications, look-up, balance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from enum_backend.gateways import Cost, GatewayError, PlivoGateway, Reason
from enum_backend.gateways.inventory import plivo as module
from enum_backend.gateways.inventory.base import (
    AvailableNumber,
    LineReport,
    LineType,
    NumberQuery,
    Order,
    OrderState,
    OwnedNumber,
)
from enum_backend.gateways.inventory.plivo import PlivoBalance, PlivoInventory, PlivoLookup
from tests.unit.gateways.test_plivo_gateway import ACCOUNT, OPTIONS, problem
from tests.unit.gateways.wire_server import Answer, WireServer

HOME = f"/v1/Account/{ACCOUNT}"
NUMBER = "+14155550100"
HOOK = "https://sms.example.org/sms/webhook/plivo"


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[PlivoGateway]:
    gateway = PlivoGateway(**OPTIONS, base_url=wire.url)
    yield gateway
    await gateway.close()


@pytest.fixture
def inventory(gateway: PlivoGateway) -> PlivoInventory:
    return PlivoInventory(gateway)


def offer(number: object = NUMBER[1:], **changes: Any) -> dict[str, Any]:
    able = {"sms_enabled": True, "voice_enabled": True, "mms_enabled": False}
    return {"number": number, "region": "California, UNITED STATES", **able, **changes}


def page(*objects: object, more: bool = False) -> Answer:
    return Answer.json({"meta": {"next": "/x?offset=20" if more else None}, "objects": objects})


async def refused(action: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await action
    return caught.value


def lines(wire: WireServer) -> list[str]:
    return [request.line.removesuffix(" HTTP/1.1") for request in wire.requests]


async def test_search(wire: WireServer, inventory: PlivoInventory) -> None:
    costs = {"monthly_rental_rate": "0.80000", "setup_rate": "0.00000", "city": "Oakland"}
    wire.answers = [
        page(offer(**costs), offer(None), "x", more=True),
        page(offer(14155550101, region=None, setup_rate="?"), offer()),
    ]
    query = NumberQuery("us", "415", frozenset({"sms", "voice"}), quantity=2)
    assert await inventory.search(query) == [
        AvailableNumber(
            NUMBER,
            frozenset({"sms", "voice"}),
            "California, UNITED STATES",
            "Oakland",
            Cost(Decimal("0.80000")),
            Cost(Decimal("0.00000")),
        ),
        AvailableNumber("+14155550101", frozenset({"sms", "voice"})),
    ]
    first = f"GET {HOME}/PhoneNumber/?country_iso=US&pattern=415&services=voice%2Csms&limit=20"
    assert lines(wire) == [f"{first}&offset=0", f"{first}&offset=20"]


@pytest.mark.parametrize("body", [{}, {"objects": 7}, {"objects": [offer()], "meta": 7}])
async def test_search_ends(wire: WireServer, inventory: PlivoInventory, body: Any) -> None:
    wire.answers = [Answer.json(body)]
    found = await inventory.search(NumberQuery(features=frozenset()))
    assert [item.number for item in found] == ([NUMBER] if body.get("meta") else [])
    assert lines(wire) == [f"GET {HOME}/PhoneNumber/?country_iso=US&limit=20&offset=0"]


async def test_buy_with_a_new_application(wire: WireServer, inventory: PlivoInventory) -> None:
    bought = {"numbers": [{"number": NUMBER[1:], "status": "Success"}], "status": "fulfilled"}
    wire.answers = [
        page({"app_id": "6", "message_url": "https://other.example.org"}, {"app_id": 7}),
        Answer.json({"app_id": "8"}, 201),
        Answer.json(bought, 201),
    ]
    order = await inventory.buy(NUMBER, HOOK)
    assert order == Order(NUMBER[1:], NUMBER, OrderState.DONE)
    assert lines(wire) == [
        f"GET {HOME}/Application/?limit=20&offset=0",
        f"POST {HOME}/Application/",
        f"POST {HOME}/PhoneNumber/14155550100/",
    ]
    assert wire.requests[1].json() == {
        "app_name": "enum-backend-https-sms-example-org-sms-webhook-plivo",
        "message_url": HOOK,
        "message_method": "POST",
    }
    assert wire.requests[2].json() == {"app_id": "8"}


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        ({"numbers": [{"status": "Success"}]}, OrderState.DONE),
        ({"numbers": [], "status": "fulfilled"}, OrderState.DONE),
        ({"numbers": [{"status": "pending"}], "status": "pending"}, OrderState.PENDING),
        ({"numbers": ["x"], "status": "pending"}, OrderState.PENDING),
    ],
)
async def test_buy_with_a_known_application(
    wire: WireServer, inventory: PlivoInventory, reply: Any, state: OrderState
) -> None:
    wire.answers = [page({"app_id": "6", "message_url": HOOK}), Answer.json(reply, 201)]
    order = await inventory.buy(NUMBER, HOOK, "https://b.example.org/x")
    assert (order.state, order.detail) == (state, "Plivo has no failover address for messages")
    assert wire.requests[1].json() == {"app_id": "6"}
    assert len(wire.requests) == 2


@pytest.mark.parametrize(
    ("answer", "reason", "ambiguous"),
    [
        (Answer.json(problem("no such number"), 400), Reason.INVALID_REQUEST, False),
        (Answer.json({}, 201), Reason.UNKNOWN, True),
        (Answer(action="hang up"), Reason.UNKNOWN, True),
    ],
)
async def test_buy_refused(
    wire: WireServer, inventory: PlivoInventory, answer: Answer, reason: Reason, ambiguous: bool
) -> None:
    wire.answers = [page({"app_id": "6", "message_url": HOOK}), answer]
    error = await refused(inventory.buy(NUMBER, HOOK))
    assert (error.reason, error.ambiguous) == (reason, ambiguous)
    assert len(wire.requests) == 2


async def test_nothing_is_bought_without_an_application(
    wire: WireServer, inventory: PlivoInventory
) -> None:
    wire.answers = [page(), Answer.json({}, 201)]
    error = await refused(inventory.buy(NUMBER, HOOK))
    assert not error.ambiguous
    assert len(wire.requests) == 2


async def test_order(wire: WireServer, inventory: PlivoInventory) -> None:
    pending = Order("x", NUMBER, OrderState.PENDING)
    wire.answers = [Answer.json(offer())]
    assert await inventory.order(pending) == Order(NUMBER[1:], NUMBER, OrderState.DONE)
    assert lines(wire) == [f"GET {HOME}/Number/14155550100/"]
    wire.answers = [Answer.json(problem("not found"), 404)]
    assert (await inventory.order(pending)).state is OrderState.PENDING
    wire.answers = [Answer(401)]
    assert (await refused(inventory.order(pending))).reason is Reason.AUTH_FAILED


async def test_owned(wire: WireServer, inventory: PlivoInventory) -> None:
    wire.answers = [page(offer(), more=True), page(offer("+14155550101"), offer("x"))]
    assert await inventory.owned() == [
        OwnedNumber(NUMBER, frozenset({"sms", "voice"}), "14155550100"),
        OwnedNumber("+14155550101", frozenset({"sms", "voice"}), "14155550101"),
    ]
    assert lines(wire)[1] == f"GET {HOME}/Number/?limit=20&offset=20"


async def test_pages_without_end(
    wire: WireServer, inventory: PlivoInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE_LIMIT", 3)
    wire.answers = [page(offer(), more=True)]
    assert (await refused(inventory.owned())).reason is Reason.UNKNOWN
    assert len(wire.requests) == 3


async def test_release(wire: WireServer, inventory: PlivoInventory) -> None:
    wire.answers = [Answer(204)]
    await inventory.release(NUMBER)
    assert lines(wire) == [f"DELETE {HOME}/Number/14155550100/"]
    wire.answers = [Answer.json(problem("not found"), 404)]
    assert (await refused(inventory.release(NUMBER))).reason is Reason.INVALID_NUMBER
    wire.answers = [Answer(500)]
    assert (await refused(inventory.release(NUMBER))).reason is Reason.TEMPORARY_UNAVAILABLE
    assert (await refused(inventory.release("1"))).reason is Reason.INVALID_NUMBER


@pytest.mark.parametrize(
    ("carrier", "report"),
    [
        (
            {"type": "mobile", "name": "Example Mobile", "ported": "yes"},
            LineReport(NUMBER, LineType.MOBILE, "Example Mobile", True),
        ),
        ({"type": "fixed", "ported": False}, LineReport(NUMBER, LineType.LANDLINE, None, False)),
        ({"type": "voip", "ported": None}, LineReport(NUMBER, LineType.VOIP)),
        ({"type": None}, LineReport(NUMBER, LineType.UNKNOWN)),
        (None, LineReport(NUMBER, LineType.UNKNOWN)),
    ],
)
async def test_line_type(
    wire: WireServer, gateway: PlivoGateway, carrier: Any, report: LineReport
) -> None:
    wire.answers = [Answer.json({"carrier": carrier})]
    assert await PlivoLookup(gateway).look_up(NUMBER) == report
    assert lines(wire) == [f"GET /v1/Number/{NUMBER}?type=carrier"]


@pytest.mark.parametrize(
    ("credits_left", "cost"),
    [("12.3400", Cost(Decimal("12.3400"))), (5, Cost(Decimal(5))), (None, None), ("NaN", None)],
)
async def test_balance(
    wire: WireServer, gateway: PlivoGateway, credits_left: object, cost: Cost | None
) -> None:
    wire.answers = [Answer.json({"cash_credits": credits_left})]
    assert await PlivoBalance(gateway).check() == cost
    assert lines(wire) == [f"GET {HOME}/"]


async def test_balance_proves_credentials(wire: WireServer, gateway: PlivoGateway) -> None:
    wire.answers = [Answer(401, b"Could not verify your access level")]
    assert (await refused(PlivoBalance(gateway).check())).reason is Reason.AUTH_FAILED
