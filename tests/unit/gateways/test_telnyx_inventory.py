"""Telnyx: search, orders followed to their end, list, release, look-up, balance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from enum_backend.gateways import Cost, GatewayError, Reason, TelnyxGateway
from enum_backend.gateways.inventory.base import (
    AvailableNumber,
    LineReport,
    LineType,
    NumberQuery,
    Order,
    OrderState,
    OwnedNumber,
)
from enum_backend.gateways.inventory.telnyx import (
    LINE_TYPES,
    TelnyxBalance,
    TelnyxInventory,
    TelnyxLookup,
)
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer

NUMBER = "+15550100001"
ORDER = "12ade33a-21c0-473b-b055-b3c836e1c292"
PROFILE = "abc85f64-5717-4562-b3fc-2c9600000000"
HOOK = "https://sms.example.org/sms/webhook/telnyx"
FAILOVER = "https://sms2.example.org/sms/webhook/telnyx"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[TelnyxGateway]:
    gateway = TelnyxGateway(
        api_key="KEYcanary",
        sender=NUMBER,
        messaging_profile_id=PROFILE,
        connection_id="346789",
        base_url=wire.url,
        timeout=5,
    )
    yield gateway
    await gateway.close()


@pytest.fixture
def inventory(gateway: TelnyxGateway) -> TelnyxInventory:
    return TelnyxInventory(gateway)


def asked(request: WireRequest) -> tuple[str, str, dict[str, str]]:
    """Method, path and query of a request."""
    method, target, _ = request.line.split(" ")
    parts = urlsplit(target)
    return method, parts.path, dict(parse_qsl(parts.query))


def order(status: str = "pending", number_status: str = "", **number: Any) -> dict[str, Any]:
    item = {"phone_number": NUMBER, "status": number_status, **number}
    return {"data": {"id": ORDER, "status": status, "phone_numbers": [item]}}


def listed(*numbers: str, pages: int = 1, **changes: Any) -> dict[str, Any]:
    data = [
        {
            "id": f"id-{number[-2:]}",
            "phone_number": number,
            "status": "active",
            "messaging_profile_id": PROFILE,
            "connection_id": None,
            **changes,
        }
        for number in numbers
    ]
    return {"data": data, "meta": {"total_pages": pages}}


async def failure(awaitable: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await awaitable
    return caught.value


async def test_search(wire: WireServer, inventory: TelnyxInventory) -> None:
    offer = {
        "phone_number": NUMBER,
        "features": [{"name": "voice"}, {"name": "sms"}, {"name": "fax"}, "mms", 7],
        "cost_information": {"currency": "USD", "monthly_cost": "6.54", "upfront_cost": "3.21"},
        "region_information": [
            {"region_type": "country_code", "region_name": "US"},
            {"region_type": "state", "region_name": "IL"},
            {"region_type": "rate_center", "region_name": "CHICAGO"},
        ],
    }
    odd = {"phone_number": "+15550100002", "cost_information": {"monthly_cost": "NaN"}}
    wire.answers = [Answer.json({"data": [offer, odd, "x", {"phone_number": None}]})]
    query = NumberQuery("US", "555", frozenset({"sms", "voice"}), 9999)
    assert await inventory.search(query) == [
        AvailableNumber(
            NUMBER,
            frozenset({"sms", "mms", "voice"}),
            "IL",
            "CHICAGO",
            Cost(Decimal("6.54")),
            Cost(Decimal("3.21")),
        ),
        AvailableNumber("+15550100002", frozenset()),
    ]
    assert asked(wire.requests[0]) == (
        "GET",
        "/v2/available_phone_numbers",
        {
            "filter[country_code]": "US",
            "filter[limit]": "200",
            "filter[features]": "sms,voice",
            "filter[national_destination_code]": "555",
        },
    )


async def test_search_of_anything(wire: WireServer, inventory: TelnyxInventory) -> None:
    wire.answers = [Answer.json({"data": None})]
    assert await inventory.search(NumberQuery("GB", features=frozenset(), quantity=0)) == []
    assert asked(wire.requests[0])[2] == {"filter[country_code]": "GB", "filter[limit]": "1"}


async def test_buy_points_the_profile_at_us_first(
    wire: WireServer, inventory: TelnyxInventory
) -> None:
    wire.answers = [Answer.json({"data": {"id": PROFILE}}), Answer.json(order())]
    bought = await inventory.buy(NUMBER, HOOK, FAILOVER)
    assert bought == Order(ORDER, NUMBER, OrderState.PENDING)
    profile, purchase = wire.requests
    assert profile.line.startswith(f"PATCH /v2/messaging_profiles/{PROFILE} ")
    assert profile.json() == {
        "webhook_url": HOOK,
        "webhook_failover_url": FAILOVER,
        "webhook_api_version": "2",
    }
    assert purchase.line.startswith("POST /v2/number_orders ")
    assert purchase.json() == {
        "phone_numbers": [{"phone_number": NUMBER}],
        "messaging_profile_id": PROFILE,
        "connection_id": "346789",
    }


async def test_buy_without_webhooks_and_connection(wire: WireServer) -> None:
    wire.answers = [Answer.json(order("success", "success"))]
    gateway = TelnyxGateway(api_key="k", messaging_profile_id=PROFILE, base_url=wire.url)
    bought = await TelnyxInventory(gateway).buy(NUMBER, "")
    await gateway.close()
    assert bought.state is OrderState.DONE
    (request,) = wire.requests
    assert set(request.json()) == {"phone_numbers", "messaging_profile_id"}


async def test_failover_is_left_alone(wire: WireServer, inventory: TelnyxInventory) -> None:
    wire.answers = [Answer.json({}), Answer.json(order())]
    await inventory.buy(NUMBER, HOOK)
    assert set(wire.requests[0].json()) == {"webhook_url", "webhook_api_version"}


async def test_nothing_is_bought_without_a_profile(wire: WireServer) -> None:
    gateway = TelnyxGateway(api_key="k", base_url=wire.url)
    error = await failure(TelnyxInventory(gateway).buy(NUMBER, HOOK))
    assert error.reason is Reason.AUTH_FAILED
    assert "messaging_profile_id" in error.detail
    assert wire.requests == []


async def test_nothing_is_bought_when_the_profile_is_refused(
    wire: WireServer, inventory: TelnyxInventory
) -> None:
    wire.answers = [Answer.json({"errors": [{"code": "10005", "title": "Not found"}]}, 404)]
    error = await failure(inventory.buy(NUMBER, HOOK))
    assert (error.reason, error.provider_code) == (Reason.INVALID_REQUEST, "10005")
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [Answer(action="reset"), Answer(200, b"{}"), Answer(200, b"<html>"), Answer.json({"data": []})],
)
async def test_unclear_purchase_is_ambiguous_and_made_once(
    wire: WireServer, inventory: TelnyxInventory, answer: Answer
) -> None:
    wire.answers = [answer, Answer.json(order())]
    assert (await failure(inventory.buy(NUMBER, ""))).ambiguous
    await asyncio.sleep(0.02)
    assert len(wire.requests) == 1


async def test_refused_purchase(wire: WireServer, inventory: TelnyxInventory) -> None:
    wire.answers = [Answer.json({"errors": [{"code": "20100", "title": "No money"}]}, 402)]
    error = await failure(inventory.buy(NUMBER, ""))
    assert (error.reason, error.ambiguous) == (Reason.INSUFFICIENT_FUNDS, False)


@pytest.mark.parametrize(
    ("body", "state", "detail"),
    [
        (order("pending"), OrderState.PENDING, ""),
        (order("success", "success"), OrderState.DONE, ""),
        (order("pending", "failure"), OrderState.FAILED, ""),
        (order("failure"), OrderState.FAILED, ""),
        (
            order("pending", "pending", requirements_met=False, requirements_status="pending"),
            OrderState.PENDING,
            "regulatory requirements are not met: pending",
        ),
        (
            {"data": {"id": ORDER, "status": "pending", "requirements_met": False}},
            OrderState.PENDING,
            "regulatory requirements are not met",
        ),
        (order("dreaming"), OrderState.PENDING, "status 'dreaming'"),
    ],
)
async def test_order_is_followed(
    wire: WireServer, inventory: TelnyxInventory, body: Any, state: OrderState, detail: str
) -> None:
    wire.answers = [Answer.json(body)]
    pending = Order(ORDER, NUMBER, OrderState.PENDING)
    assert await inventory.order(pending) == Order(ORDER, NUMBER, state, detail)
    assert wire.requests[0].line == f"GET /v2/number_orders/{ORDER} HTTP/1.1"


async def test_order_that_is_not_understood(wire: WireServer, inventory: TelnyxInventory) -> None:
    wire.answers = [Answer.json({"data": []})]
    error = await failure(inventory.order(Order("../x", NUMBER, OrderState.PENDING)))
    assert (error.reason, error.ambiguous) == (Reason.UNKNOWN, False)
    assert wire.requests[0].line.startswith("GET /v2/number_orders/..%2Fx ")


async def test_owned_reads_all_pages(wire: WireServer, inventory: TelnyxInventory) -> None:
    first = listed(NUMBER, "+15550100002", pages=2)
    first["data"] += [
        {"phone_number": "+15550100066", "status": "deleted"},
        {"phone_number": None, "status": "active"},
    ]
    second = listed("+15550100003", pages=2, messaging_profile_id="", connection_id="9", id=7)
    wire.answers = [Answer.json(first), Answer.json(second)]
    assert await inventory.owned() == [
        OwnedNumber(NUMBER, frozenset({"sms"}), "id-01"),
        OwnedNumber("+15550100002", frozenset({"sms"}), "id-02"),
        OwnedNumber("+15550100003", frozenset({"voice"}), None),
    ]
    assert [asked(r)[2]["page[number]"] for r in wire.requests] == ["1", "2"]


@pytest.mark.parametrize("body", [{}, {"data": [], "meta": {"total_pages": 9}}, {"data": None}])
async def test_owned_ends(wire: WireServer, inventory: TelnyxInventory, body: Any) -> None:
    wire.answers = [Answer.json(body)]
    assert await inventory.owned() == []
    assert len(wire.requests) == 1


async def test_owned_is_never_half_a_list(wire: WireServer, inventory: TelnyxInventory) -> None:
    wire.answers = [Answer.json(listed(NUMBER, pages=2)), Answer(503)]
    assert (await failure(inventory.owned())).reason is Reason.TEMPORARY_UNAVAILABLE


async def test_release(wire: WireServer, inventory: TelnyxInventory) -> None:
    wire.answers = [Answer.json(listed(f"{NUMBER}9", NUMBER)), Answer.json({"data": {}})]
    await inventory.release(NUMBER)
    query, deletion = wire.requests
    assert asked(query) == ("GET", "/v2/phone_numbers", {"filter[phone_number]": NUMBER})
    assert deletion.line == "DELETE /v2/phone_numbers/id-01 HTTP/1.1"


@pytest.mark.parametrize(
    "body",
    [listed(), listed(f"{NUMBER}9"), listed(NUMBER, status="deleted"), listed(NUMBER, id=None)],
)
async def test_release_of_a_number_that_is_not_ours(
    wire: WireServer, inventory: TelnyxInventory, body: Any
) -> None:
    wire.answers = [Answer.json(body)]
    assert (await failure(inventory.release(NUMBER))).reason is Reason.INVALID_REQUEST
    assert len(wire.requests) == 1


@pytest.mark.parametrize(("word", "kind"), sorted(LINE_TYPES.items()))
async def test_line_types(
    wire: WireServer, gateway: TelnyxGateway, word: str, kind: LineType
) -> None:
    carrier = {"name": "Example Mobile", "type": word, "error_code": None}
    wire.answers = [Answer.json({"data": {"carrier": carrier, "portability": None}})]
    report = await TelnyxLookup(gateway).look_up(NUMBER)
    assert report == LineReport(NUMBER, kind, "Example Mobile")
    assert wire.requests[0].line == f"GET /v2/number_lookup/{NUMBER}?type=carrier HTTP/1.1"


async def test_line_type_by_portability(wire: WireServer, gateway: TelnyxGateway) -> None:
    ported = {"line_type": "voip", "spid_carrier_name": "Example VoIP", "ported_status": "Y"}
    wire.answers = [Answer.json({"data": {"portability": ported}})]
    report = await TelnyxLookup(gateway).look_up(NUMBER)
    assert report == LineReport(NUMBER, LineType.VOIP, "Example VoIP", ported=True)


async def test_unknown_line_type(wire: WireServer, gateway: TelnyxGateway) -> None:
    carrier = {"type": "smoke", "error_code": "60003"}
    wire.answers = [
        Answer.json({"data": {"carrier": carrier, "portability": {"ported_status": "N"}}})
    ]
    report = await TelnyxLookup(gateway).look_up(NUMBER)
    assert report == LineReport(NUMBER, LineType.UNKNOWN, ported=False, detail="60003")


@pytest.mark.parametrize(
    ("data", "money"),
    [
        (
            {"available_credit": "400.00", "balance": "300.00", "currency": "EUR"},
            Cost(Decimal("400.00"), "EUR"),
        ),
        ({"balance": "-1.50", "currency": "USD"}, Cost(Decimal("-1.50"))),
        ({"balance": "much"}, None),
        ([], None),
    ],
)
async def test_balance(
    wire: WireServer, gateway: TelnyxGateway, data: Any, money: Cost | None
) -> None:
    wire.answers = [Answer.json({"data": data})]
    assert await TelnyxBalance(gateway).check() == money
    assert wire.requests[0].line == "GET /v2/balance HTTP/1.1"
    assert wire.requests[0].headers["authorization"] == "Bearer KEYcanary"


async def test_wrong_and_missing_keys(wire: WireServer, gateway: TelnyxGateway) -> None:
    wire.answers = [Answer.json({"errors": [{"code": "10009", "title": "No"}]}, 401)]
    assert (await failure(TelnyxBalance(gateway).check())).reason is Reason.AUTH_FAILED
    keyless = TelnyxGateway(base_url=wire.url)
    error = await failure(TelnyxBalance(keyless).check())
    assert (error.reason, "api_key" in error.detail) == (Reason.AUTH_FAILED, True)
    assert len(wire.requests) == 1


async def test_official_sdk_sends_the_same(wire: WireServer, gateway: TelnyxGateway) -> None:
    telnyx = pytest.importorskip("telnyx", reason="the official SDK is what is compared with")
    wire.answers = [Answer.json({"data": {"id": "1", "to": [{"status": "queued"}]}}, **JSON)]

    def theirs() -> None:
        with telnyx.Telnyx(
            api_key="KEYcanary", base_url=f"{wire.url}/v2", max_retries=0, timeout=5
        ) as client:
            filters = {
                "country_code": "US",
                "features": ["sms", "voice"],
                "national_destination_code": "555",
                "limit": 3,
            }
            client.available_phone_numbers.list(filter=filters)
            client.messaging_profiles.update(
                PROFILE, webhook_url=HOOK, webhook_failover_url=FAILOVER, webhook_api_version="2"
            )
            client.number_orders.create(
                phone_numbers=[{"phone_number": NUMBER}],
                messaging_profile_id=PROFILE,
                connection_id="346789",
            )
            client.number_orders.retrieve(ORDER)
            client.number_lookup.retrieve(NUMBER, type="carrier")
            client.balance.retrieve()

    await asyncio.wait_for(asyncio.to_thread(theirs), 20)
    expected = list(wire.requests)
    wire.requests.clear()
    inventory = TelnyxInventory(gateway)
    await inventory.search(NumberQuery("US", "555", frozenset({"voice", "sms"}), 3))
    bought = await inventory.buy(NUMBER, HOOK, FAILOVER)
    await inventory.order(Order(ORDER, NUMBER, bought.state))
    await TelnyxLookup(gateway).look_up(NUMBER)
    await TelnyxBalance(gateway).check()
    assert len(expected) == len(wire.requests) == 6
    for their, our in zip(expected, wire.requests, strict=True):
        assert asked(our) == asked(their)
        assert our.headers["authorization"] == their.headers["authorization"]
        assert (our.json() if our.body else None) == (their.json() if their.body else None)
