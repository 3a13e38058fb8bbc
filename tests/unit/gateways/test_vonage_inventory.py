"""Vonage: search, buy, list, release, look-up, balance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from enum_backend.gateways import Cost, GatewayError, Reason, VonageGateway
from enum_backend.gateways.inventory.base import (
    AvailableNumber,
    LineReport,
    LineType,
    NumberQuery,
    Order,
    OrderState,
    OwnedNumber,
)
from enum_backend.gateways.inventory.vonage import (
    LINE_TYPES,
    VonageBalance,
    VonageInventory,
    VonageLookup,
)
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer

NUMBER = "+15550100001"
HOOK = "https://sms.example.org/sms/webhook/vonage"
APPLICATION = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
DONE = Answer.json({"error-code": "200", "error-code-label": "success"})
MINE = {"country": "US", "msisdn": NUMBER[1:], "type": "mobile-lvn", "features": ["SMS", "VOICE"]}


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[VonageGateway]:
    gateway = VonageGateway(
        api_key="abcd1234", api_secret="canary-key", base_url=wire.url, timeout=5
    )
    yield gateway
    await gateway.close()


@pytest.fixture
def inventory(gateway: VonageGateway) -> VonageInventory:
    return VonageInventory(gateway)


def asked(request: WireRequest) -> tuple[str, str, dict[str, str]]:
    method, target, _ = request.line.split(" ")
    parts = urlsplit(target)
    assert request.headers["authorization"].startswith("Basic ")
    fields = parts.query if method == "GET" else request.body.decode()
    return method, parts.path, dict(parse_qsl(fields))


def listed(*numbers: Any, count: int | None = None) -> Answer:
    return Answer.json({"count": len(numbers) if count is None else count, "numbers": [*numbers]})


async def test_search(wire: WireServer, inventory: VonageInventory) -> None:
    wire.answers = [
        listed(
            {**MINE, "cost": "1.25"},
            {**MINE, "msisdn": "15550100002", "features": None},
            "x",
            {"msisdn": "0"},
            {**MINE, "msisdn": "15550100003"},
        )
    ]
    query = NumberQuery("us", "555", frozenset({"voice", "sms"}), 2)
    assert await inventory.search(query) == [
        AvailableNumber(NUMBER, frozenset({"sms", "voice"}), monthly=Cost(Decimal("1.25"), "EUR")),
        AvailableNumber("+15550100002", frozenset()),
    ]
    wanted = {"country": "US", "pattern": "1555", "features": "SMS,VOICE", "size": "2"}
    assert asked(wire.requests[0]) == ("GET", "/number/search", wanted)


async def test_nothing_on_sale(wire: WireServer, inventory: VonageInventory) -> None:
    wire.answers = [Answer.json({})]
    assert await inventory.search(NumberQuery("GB")) == []
    assert asked(wire.requests[0])[2] == {"country": "GB", "features": "SMS", "size": "10"}


@pytest.mark.parametrize("query", [NumberQuery("XX"), NumberQuery("US", "5 5")])
async def test_search_for_nonsense(inventory: VonageInventory, query: NumberQuery) -> None:
    with pytest.raises(GatewayError) as caught:
        await inventory.search(query)
    assert caught.value.reason is Reason.INVALID_REQUEST


async def test_buy(wire: WireServer, inventory: VonageInventory) -> None:
    wire.answers = [DONE]
    assert await inventory.buy(NUMBER, HOOK) == Order(NUMBER[1:], NUMBER, OrderState.DONE)
    place = {"country": "US", "msisdn": NUMBER[1:]}
    assert [asked(request) for request in wire.requests] == [
        ("POST", "/number/buy", place),
        ("POST", "/number/update", {**place, "moHttpUrl": HOOK}),
    ]


async def test_buy_for_an_application(wire: WireServer) -> None:
    wire.answers = [DONE]
    gateway = VonageGateway(
        api="messages",
        api_key="abcd1234",
        api_secret="x",
        application_id=APPLICATION,
        base_url=wire.url,
    )
    order = await VonageInventory(gateway).buy("+447700900001", HOOK, f"{HOOK}?2")
    await gateway.close()
    assert "no failover" in order.detail
    place = {"country": "GB", "msisdn": "447700900001"}
    assert asked(wire.requests[1])[2] == {**place, "app_id": APPLICATION}


async def test_bought_without_its_webhook(wire: WireServer, inventory: VonageInventory) -> None:
    wire.answers = [DONE, Answer(500)]
    order = await inventory.buy(NUMBER, HOOK)
    assert order.state is OrderState.BOUGHT
    assert order.detail == "bought, but its webhook could not be set: temporary_unavailable"


@pytest.mark.parametrize(
    ("answer", "reason", "ambiguous"),
    [
        (
            Answer.json({"error-code": "420", "error-code-label": f"method failed {NUMBER}"}),
            Reason.INVALID_REQUEST,
            False,
        ),
        (Answer.json({"error-code": "401"}), Reason.AUTH_FAILED, False),
        (Answer.json({"error-code": "401"}, 401), Reason.AUTH_FAILED, False),
        (Answer.json({"error-code": "420"}, 420), Reason.UNKNOWN, False),
        (Answer(), Reason.UNKNOWN, True),
        (Answer(action="hang up"), Reason.UNKNOWN, True),
    ],
)
async def test_not_bought(
    wire: WireServer, inventory: VonageInventory, answer: Answer, reason: Reason, ambiguous: bool
) -> None:
    wire.answers = [answer]
    with pytest.raises(GatewayError) as caught:
        await inventory.buy(NUMBER, HOOK)
    assert (caught.value.reason, caught.value.ambiguous) == (reason, ambiguous)
    assert NUMBER[1:] not in str(caught.value)
    assert len(wire.requests) == 1


async def test_set_up_again(wire: WireServer, inventory: VonageInventory) -> None:
    wire.answers = [DONE]
    await inventory.set_up(NUMBER, HOOK, f"{HOOK}?2")
    place = {"country": "US", "msisdn": NUMBER[1:]}
    assert asked(wire.requests[0]) == ("POST", "/number/update", {**place, "moHttpUrl": HOOK})


async def test_orders(wire: WireServer, inventory: VonageInventory) -> None:
    order = Order("x", NUMBER, OrderState.PENDING)
    wire.answers = [listed({**MINE, "msisdn": "155501000019"}, MINE)]
    assert await inventory.order(order) == Order(NUMBER[1:], NUMBER, OrderState.BOUGHT)
    assert asked(wire.requests[0])[2] == {"pattern": NUMBER[1:], "search_pattern": "0"}
    for target in ({"moHttpUrl": HOOK}, {"app_id": APPLICATION}):
        wire.answers = [listed({**MINE, **target})]
        assert await inventory.order(order) == Order(NUMBER[1:], NUMBER, OrderState.DONE)
    wire.answers = [listed()]
    assert (await inventory.order(order)).state is OrderState.FAILED


async def test_owned_numbers_of_all_pages(wire: WireServer, inventory: VonageInventory) -> None:
    wire.answers = [
        listed(MINE, {"msisdn": "x"}, count=3),
        listed({**MINE, "msisdn": "15550100002", "features": ["MMS", "FAX"]}, count=3),
    ]
    assert await inventory.owned() == [
        OwnedNumber(NUMBER, frozenset({"sms", "voice"}), NUMBER[1:]),
        OwnedNumber("+15550100002", frozenset({"mms"}), "15550100002"),
    ]
    pages = [asked(request)[2] for request in wire.requests]
    assert pages == [{"size": "100", "index": "1"}, {"size": "100", "index": "2"}]


async def test_list_that_never_ends(
    wire: WireServer, inventory: VonageInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enum_backend.gateways.inventory.vonage.PAGE_LIMIT", 3)
    wire.answers = [listed(MINE, count=10**9)]
    with pytest.raises(GatewayError, match="never ends"):
        await inventory.owned()
    assert len(wire.requests) == 3


async def test_release(wire: WireServer, inventory: VonageInventory) -> None:
    wire.answers = [listed({**MINE, "country": "CA"}), DONE]
    await inventory.release(NUMBER)
    place = {"country": "CA", "msisdn": NUMBER[1:]}
    assert asked(wire.requests[1]) == ("POST", "/number/cancel", place)


async def test_release_of_a_number_that_is_not_ours(
    wire: WireServer, inventory: VonageInventory
) -> None:
    wire.answers = [listed()]
    with pytest.raises(GatewayError) as caught:
        await inventory.release(NUMBER)
    assert caught.value.reason is Reason.INVALID_NUMBER


def insight(**changes: Any) -> Answer:
    return Answer.json(
        {
            "status": 0,
            "status_message": "Success",
            "request_price": "0.005",
            "current_carrier": {"name": "Example Mobile", "network_type": "mobile"},
            "ported": "not_ported",
            **changes,
        }
    )


async def test_look_up(wire: WireServer, gateway: VonageGateway) -> None:
    wire.answers = [insight()]
    report = await VonageLookup(gateway).look_up(NUMBER)
    paid = Cost(Decimal("0.005"), "EUR")
    assert report == LineReport(NUMBER, LineType.MOBILE, "Example Mobile", False, cost=paid)
    assert asked(wire.requests[0]) == ("GET", "/ni/standard/json", {"number": NUMBER[1:]})


@pytest.mark.parametrize("word", [*LINE_TYPES, "unknown", None])
async def test_line_types(wire: WireServer, gateway: VonageGateway, word: str | None) -> None:
    wire.answers = [insight(status=43, current_carrier={"network_type": word}, ported=None)]
    report = await VonageLookup(gateway).look_up(NUMBER)
    assert (report.line_type, report.carrier, report.ported) == (
        LINE_TYPES.get(str(word), LineType.UNKNOWN),
        None,
        None,
    )


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (1, Reason.RATE_LIMITED),
        (3, Reason.INVALID_NUMBER),
        (4, Reason.AUTH_FAILED),
        (9, Reason.INSUFFICIENT_FUNDS),
        (19, Reason.UNKNOWN),
        ("", Reason.UNKNOWN),
    ],
)
async def test_look_up_that_failed(
    wire: WireServer, gateway: VonageGateway, status: Any, reason: Reason
) -> None:
    wire.answers = [insight(status=status, status_message=f"No {NUMBER[1:]}", current_carrier=None)]
    with pytest.raises(GatewayError) as caught:
        await VonageLookup(gateway).look_up(NUMBER)
    assert (caught.value.reason, caught.value.detail) == (reason, "No ***")


async def test_balance(wire: WireServer, gateway: VonageGateway) -> None:
    wire.answers = [
        Answer.json({"value": 10.28, "autoReload": False}),
        Answer.json({}),
        Answer.json({"value": "Infinity"}),
        Answer(401),
    ]
    balance = VonageBalance(gateway)
    assert await balance.check() == Cost(Decimal("10.28"), "EUR")
    assert asked(wire.requests[0]) == ("GET", "/account/get-balance", {})
    assert [await balance.check(), await balance.check()] == [None, None]
    with pytest.raises(GatewayError) as caught:
        await balance.check()
    assert caught.value.reason is Reason.AUTH_FAILED
