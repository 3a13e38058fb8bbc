"""VoIP.ms: search without pages, orders and their set-up, list, release, balance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from enum_backend.gateways import Cost, GatewayError, Reason, VoipmsGateway
from enum_backend.gateways.http_client import BODY_LIMIT
from enum_backend.gateways.inventory.base import (
    AvailableNumber,
    NumberQuery,
    Order,
    OrderState,
    OwnedNumber,
)
from enum_backend.gateways.inventory.voipms import VoipmsBalance, VoipmsInventory
from tests.unit.gateways.wire_server import Answer, WireServer

NUMBER = "+15550100001"
DID = "5550100001"
TOKEN = "canary-token-0001"
HOOK = "https://sms.example.org/sms/webhook/voipms"
OK = Answer.json({"status": "success"})
OPTIONS = {"username": "ops@example.org", "password": "canary", "from": NUMBER}


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[VoipmsGateway]:
    gateway = VoipmsGateway(**OPTIONS, inbound_token=TOKEN, pop="21", base_url=wire.url, timeout=5)
    yield gateway
    await gateway.close()


@pytest.fixture
def inventory(gateway: VoipmsGateway) -> VoipmsInventory:
    return VoipmsInventory(gateway)


def asked(wire: WireServer) -> list[dict[str, str]]:
    """The parameters of every request, without those that all have."""
    found = [dict(parse_qsl(request.body.decode())) for request in wire.requests]
    common = {"api_username", "api_password", "content_type"}
    return [{k: v for k, v in item.items() if k not in common} for item in found]


def listed(*dids: Any) -> Answer:
    return Answer.json({"status": "success", "dids": list(dids)})


def word(status: str) -> Answer:
    return Answer.json({"status": status})


async def failure(awaitable: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await awaitable
    return caught.value


OFFER = {
    "did": DID,
    "ratecenter": "EXAMPLE",
    "state": "NY",
    "perminute_monthly": "0.85",
    "perminute_setup": "0.40",
    "flat_monthly": "4.25",
    "sms": 1,
}


async def test_search(wire: WireServer, inventory: VoipmsInventory) -> None:
    canadian = {"did": 5550100003, "province": "QC", "sms": "1", "mms": "1", "monthly": "x"}
    wire.answers = [listed(OFFER, canadian, {"did": "5550100004", "sms": "0"}, {"did": "x"}, "x")]
    assert await inventory.search(NumberQuery("US", "555")) == [
        AvailableNumber(
            NUMBER,
            frozenset({"voice", "sms"}),
            "NY",
            "EXAMPLE",
            Cost(Decimal("0.85")),
            Cost(Decimal("0.40")),
        ),
        AvailableNumber("+15550100003", frozenset({"voice", "sms", "mms"}), "QC"),
    ]
    assert len(await inventory.search(NumberQuery("ca", "555", frozenset(), 1))) == 1
    first, second = asked(wire)
    assert first == {"method": "searchDIDsUSA", "type": "starts", "query": "555"}
    assert second["method"] == "searchDIDsCAN"


async def test_nothing_on_offer(wire: WireServer, inventory: VoipmsInventory) -> None:
    wire.answers = [word("unavailable_info")]
    assert await inventory.search(NumberQuery("US", "305")) == []


async def test_search_that_is_too_long_is_narrowed(
    wire: WireServer, inventory: VoipmsInventory
) -> None:
    long = Answer(200, b" " * (BODY_LIMIT + 1))
    wire.answers = [long, word("unavailable_info"), listed(OFFER), listed(OFFER)]
    assert len(await inventory.search(NumberQuery("US", "555", quantity=2))) == 2
    assert [item["query"] for item in asked(wire)] == ["555", "5550", "5551", "5552"]
    wire.answers = [long]
    assert "too long" in (await failure(inventory.search(NumberQuery("US", "555")))).detail
    wire.answers = [word("invalid_credentials")]
    error = await failure(inventory.search(NumberQuery("US", "555")))
    assert error.reason is Reason.AUTH_FAILED


@pytest.mark.parametrize(
    "query", [NumberQuery("GB", "207"), NumberQuery("US"), NumberQuery("US", "x")]
)
async def test_search_that_cannot_be(
    wire: WireServer, inventory: VoipmsInventory, query: NumberQuery
) -> None:
    assert (await failure(inventory.search(query))).reason is Reason.INVALID_REQUEST
    assert wire.requests == []


async def test_buy(wire: WireServer, inventory: VoipmsInventory) -> None:
    wire.answers = [OK]
    assert await inventory.buy(NUMBER, HOOK) == Order(DID, NUMBER, OrderState.DONE)
    order, setup = asked(wire)
    assert order == {
        "method": "orderDID",
        "did": DID,
        "routing": "none:",
        "pop": "21",
        "dialtime": "60",
        "cnam": "0",
        "billing_type": "1",
    }
    assert setup == {
        "method": "setSMS",
        "did": DID,
        "enable": "1",
        "url_callback_enable": "1",
        "url_callback": f"{HOOK}?token={TOKEN}&to={{TO}}&from={{FROM}}&message={{MESSAGE}}"
        "&id={ID}&date={TIMESTAMP}&media={MEDIA}",
        "url_callback_retry": "1",
    }
    assert "failover" in (await inventory.buy(NUMBER, HOOK, HOOK)).detail


async def test_flat_billing(wire: WireServer) -> None:
    wire.answers = [OK]
    options = {**OPTIONS, "inbound_token": TOKEN, "pop": "1", "billing": "flat"}
    gateway = VoipmsGateway(**options, base_url=wire.url)
    await VoipmsInventory(gateway).buy(NUMBER, HOOK)
    await gateway.close()
    assert asked(wire)[0]["billing_type"] == "2"


async def test_bought_but_not_set_up(wire: WireServer, inventory: VoipmsInventory) -> None:
    wire.answers = [OK, Answer(500), OK]
    order = await inventory.buy(NUMBER, HOOK)
    assert order.state is OrderState.BOUGHT
    assert order.detail.startswith("bought, but")
    assert [item["method"] for item in asked(wire)] == ["orderDID", "setSMS"]
    await inventory.set_up(NUMBER, HOOK)


@pytest.mark.parametrize(
    ("answer", "ambiguous"), [(Answer(action="hang up"), True), (word("no_credits"), False)]
)
async def test_purchase_is_never_repeated(
    wire: WireServer, inventory: VoipmsInventory, answer: Answer, ambiguous: bool
) -> None:
    wire.answers = [answer]
    assert (await failure(inventory.buy(NUMBER, HOOK))).ambiguous is ambiguous
    assert len(wire.requests) == 1


@pytest.mark.parametrize("more", [{"pop": "1"}, {"inbound_token": TOKEN}])
async def test_nothing_is_bought_without_settings(wire: WireServer, more: dict[str, str]) -> None:
    gateway = VoipmsGateway(**OPTIONS, **more, base_url=wire.url)
    inventory = VoipmsInventory(gateway)
    assert (await failure(inventory.buy(NUMBER, HOOK))).reason is Reason.AUTH_FAILED
    if "pop" in more:
        assert (await failure(inventory.set_up(NUMBER, HOOK))).reason is Reason.AUTH_FAILED
    assert wire.requests == []


async def test_numbers_elsewhere(wire: WireServer, inventory: VoipmsInventory) -> None:
    error = await failure(inventory.buy("+447700900123", HOOK))
    assert (error.reason, wire.requests) == (Reason.INVALID_NUMBER, [])


@pytest.mark.parametrize(
    ("answer", "state", "detail"),
    [
        (word("invalid_did"), OrderState.PENDING, "not the account's yet"),
        (listed({"did": "5550100009"}), OrderState.PENDING, "not the account's yet"),
        (listed({"did": DID}), OrderState.BOUGHT, "bought, but its SMS are not set"),
        (
            listed({"did": DID, "sms_enabled": "1", "sms_url_callback_enabled": 1}),
            OrderState.DONE,
            "",
        ),
    ],
)
async def test_order(
    wire: WireServer, inventory: VoipmsInventory, answer: Answer, state: OrderState, detail: str
) -> None:
    wire.answers = [answer]
    asked_for = Order(DID, NUMBER, OrderState.PENDING)
    assert await inventory.order(asked_for) == Order(DID, NUMBER, state, detail)
    assert asked(wire) == [{"method": "getDIDsInfo", "did": DID}]


async def test_owned(wire: WireServer, inventory: VoipmsInventory) -> None:
    wire.answers = [listed({"did": DID, "sms_available": "1", "mms_available": "1"}, {"did": None})]
    every: frozenset[Any] = frozenset({"sms", "mms", "voice"})
    assert await inventory.owned() == [OwnedNumber(NUMBER, every, DID)]
    wire.answers = [word("no_did")]
    assert await inventory.owned() == []


async def test_release(wire: WireServer, inventory: VoipmsInventory) -> None:
    wire.answers = [listed({"did": DID}), OK]
    await inventory.release(NUMBER)
    assert asked(wire)[-1] == {"method": "cancelDID", "did": DID}
    wire.answers = [word("invalid_did")]
    assert (await failure(inventory.release(NUMBER))).reason is Reason.INVALID_NUMBER
    assert len(wire.requests) == 3


@pytest.mark.parametrize(
    ("body", "money"),
    [
        ({"balance": {"current_balance": "25.4300"}}, Cost(Decimal("25.4300"))),
        ({"balance": {"current_balance": "NaN"}}, None),
        ({"balance": {}}, None),
        ({}, None),
    ],
)
async def test_balance(
    wire: WireServer, gateway: VoipmsGateway, body: dict[str, Any], money: Cost | None
) -> None:
    wire.answers = [Answer.json({"status": "success", **body})]
    assert await VoipmsBalance(gateway).check() == money
    assert asked(wire) == [{"method": "getBalance"}]


async def test_balance_refused(wire: WireServer, gateway: VoipmsGateway) -> None:
    wire.answers = [word("ip_not_enabled")]
    assert (await failure(VoipmsBalance(gateway).check())).reason is Reason.AUTH_FAILED
