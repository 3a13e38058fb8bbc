"""Twilio: numbers, Lookup v2, balance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from enum_backend.gateways import Cost, GatewayError, Reason, TwilioGateway
from enum_backend.gateways.inventory import twilio as module
from enum_backend.gateways.inventory.base import (
    AvailableNumber,
    LineReport,
    LineType,
    NumberQuery,
    Order,
    OrderState,
    OwnedNumber,
)
from enum_backend.gateways.inventory.twilio import (
    LINE_TYPES,
    TwilioBalance,
    TwilioInventory,
    TwilioLookup,
)
from tests.unit.gateways.test_twilio_gateway import ACCOUNT, OPTIONS, form_of, problem
from tests.unit.gateways.wire_server import Answer, WireServer

HOME = f"/2010-04-01/Accounts/{ACCOUNT}"
NUMBER = "+14155550100"
PN = "PN" + "1" * 32


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[TwilioGateway]:
    gateway = TwilioGateway(**OPTIONS, base_url=wire.url, address_sid="AD1")
    yield gateway
    await gateway.close()


@pytest.fixture
def inventory(gateway: TwilioGateway) -> TwilioInventory:
    return TwilioInventory(gateway)


def offer(number: object = NUMBER, **changes: Any) -> dict[str, Any]:
    able = {"voice": True, "SMS": True, "mms": False}
    return {"phone_number": number, "capabilities": able, "region": "CA", **changes}


def on_sale(*offers: object) -> Answer:
    return Answer.json({"available_phone_numbers": list(offers)})


def listed(*items: object, next_page: str | None = None) -> Answer:
    return Answer.json({"incoming_phone_numbers": list(items), "next_page_uri": next_page})


async def refused(action: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await action
    return caught.value


async def test_search(wire: WireServer, inventory: TwilioInventory) -> None:
    wire.answers = [on_sale(offer(locality="Hilo"), offer(None), "x", offer(capabilities=None))]
    query = NumberQuery(area_code="415", features=frozenset({"sms", "voice"}), quantity=5)
    found = await inventory.search(query)
    assert found == [
        AvailableNumber(NUMBER, frozenset({"sms", "voice"}), "CA", "Hilo"),
        AvailableNumber(NUMBER, frozenset(), "CA"),
    ]
    assert wire.requests[0].line == (
        f"GET {HOME}/AvailablePhoneNumbers/US/Local.json"
        "?PageSize=5&AreaCode=415&SmsEnabled=true&VoiceEnabled=true HTTP/1.1"
    )


async def test_search_elsewhere(wire: WireServer, inventory: TwilioInventory) -> None:
    wire.answers = [
        Answer.json(problem(20404), 404),
        on_sale(offer("+447700900100", region=None, iso_country="GB"), offer(), offer()),
    ]
    found = await inventory.search(NumberQuery("gb", "7700", quantity=2))
    assert [(n.number, n.region) for n in found] == [("+447700900100", "GB"), (NUMBER, "CA")]
    assert "/GB/Mobile.json?PageSize=2&Contains=7700&SmsEnabled=true" in wire.requests[0].line
    assert "/GB/Local.json?" in wire.requests[1].line
    wire.answers = [on_sale(offer())]
    await inventory.search(NumberQuery("GB", quantity=1))
    assert len(wire.requests) == 3


async def test_search_refused(wire: WireServer, inventory: TwilioInventory) -> None:
    wire.answers = [Answer.json(problem(20003), 401)]
    assert (await refused(inventory.search(NumberQuery()))).reason is Reason.AUTH_FAILED
    for query in (NumberQuery("U/"), NumberQuery(area_code="4x")):
        assert (await refused(inventory.search(query))).reason is Reason.INVALID_REQUEST
    assert len(wire.requests) == 1


async def test_buy(wire: WireServer, inventory: TwilioInventory) -> None:
    wire.answers = [Answer.json({"sid": PN, "phone_number": NUMBER}, 201)]
    order = await inventory.buy(NUMBER, "https://a.example.org/x", "https://b.example.org/x")
    assert order == Order(PN, NUMBER, OrderState.DONE)
    assert wire.requests[0].line == f"POST {HOME}/IncomingPhoneNumbers.json HTTP/1.1"
    assert form_of(wire.requests[0]) == {
        "PhoneNumber": NUMBER,
        "SmsUrl": "https://a.example.org/x",
        "SmsMethod": "POST",
        "SmsFallbackUrl": "https://b.example.org/x",
        "SmsFallbackMethod": "POST",
        "AddressSid": "AD1",
    }
    await inventory.buy(NUMBER, "https://a.example.org/x")
    assert set(form_of(wire.requests[1])) == {"PhoneNumber", "SmsUrl", "SmsMethod", "AddressSid"}


@pytest.mark.parametrize(
    ("answer", "reason", "ambiguous"),
    [
        (Answer.json(problem(21422), 400), Reason.INVALID_REQUEST, False),
        (Answer.json(problem(21631), 400), Reason.FORBIDDEN, False),
        (Answer.json({}, 201), Reason.UNKNOWN, True),
        (Answer(action="hang up"), Reason.UNKNOWN, True),
    ],
)
async def test_buy_refused(
    wire: WireServer, inventory: TwilioInventory, answer: Answer, reason: Reason, ambiguous: bool
) -> None:
    wire.answers = [answer]
    error = await refused(inventory.buy(NUMBER, "https://a.example.org/x"))
    assert (error.reason, error.ambiguous) == (reason, ambiguous)
    assert len(wire.requests) == 1


async def test_order(wire: WireServer, inventory: TwilioInventory) -> None:
    wire.answers = [
        listed({"sid": PN, "phone_number": NUMBER + "1"}, {"sid": PN, "phone_number": NUMBER})
    ]
    open_order = Order("", NUMBER, OrderState.PENDING)
    assert await inventory.order(open_order) == Order(PN, NUMBER, OrderState.DONE)
    assert "?PhoneNumber=%2B14155550100 " in wire.requests[0].line
    wire.answers = [listed({"sid": "../x", "phone_number": NUMBER})]
    assert (await inventory.order(open_order)).state is OrderState.FAILED


async def test_owned(wire: WireServer, inventory: TwilioInventory) -> None:
    more = f"{HOME}/IncomingPhoneNumbers.json?PageSize=50&Page=1&PageToken=PA%2B1"
    wire.answers = [
        listed({"sid": PN, **offer()}, {"sid": PN}, next_page=more),
        listed({"sid": 7, **offer("+14155550101")}),
    ]
    assert await inventory.owned() == [
        OwnedNumber(NUMBER, frozenset({"sms", "voice"}), PN),
        OwnedNumber("+14155550101", frozenset({"sms", "voice"}), None),
    ]
    assert [request.line.split()[1] for request in wire.requests] == [
        f"{HOME}/IncomingPhoneNumbers.json?PageSize=50",
        more,
    ]


@pytest.mark.parametrize(
    "place", ["https://evil.example.org/", "/2010-04-01/Accounts/AC1/x", "@evil.example.org/"]
)
async def test_pages_that_lead_elsewhere(
    wire: WireServer, inventory: TwilioInventory, place: str
) -> None:
    wire.answers = [listed(offer(), next_page=place)]
    assert (await refused(inventory.owned())).reason is Reason.UNKNOWN
    assert len(wire.requests) == 1


async def test_pages_without_end(
    wire: WireServer, inventory: TwilioInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE_LIMIT", 3)
    wire.answers = [listed(next_page=f"{HOME}/IncomingPhoneNumbers.json?Page=1")]
    assert (await refused(inventory.owned())).reason is Reason.UNKNOWN
    assert len(wire.requests) == 3


async def test_release(wire: WireServer, inventory: TwilioInventory) -> None:
    wire.answers = [listed({"sid": PN, "phone_number": NUMBER}), Answer(204)]
    await inventory.release(NUMBER)
    assert wire.requests[1].line == f"DELETE {HOME}/IncomingPhoneNumbers/{PN}.json HTTP/1.1"
    wire.answers = [listed()]
    assert (await refused(inventory.release(NUMBER))).reason is Reason.INVALID_NUMBER
    assert (await refused(inventory.release("415"))).reason is Reason.INVALID_NUMBER


@pytest.mark.parametrize(("word", "line_type"), sorted(LINE_TYPES.items()))
async def test_line_types(
    wire: WireServer, gateway: TwilioGateway, word: str, line_type: LineType
) -> None:
    line = {"type": word, "carrier_name": "Example Mobile", "error_code": None}
    wire.answers = [Answer.json({"valid": True, "line_type_intelligence": line})]
    report = await TwilioLookup(gateway).look_up(NUMBER)
    detail = "nomadic VoIP" if word == "nonFixedVoip" else ""
    assert report == LineReport(NUMBER, line_type, "Example Mobile", None, detail)
    assert wire.requests[0].line == (
        f"GET /v2/PhoneNumbers/{NUMBER}?Fields=line_type_intelligence HTTP/1.1"
    )


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"valid": False, "validation_errors": ["TOO_SHORT"]}, "not valid TOO_SHORT"),
        ({"valid": False, "validation_errors": None}, "not valid"),
        (
            {"line_type_intelligence": {"type": None, "error_code": 60601}},
            "error 60601: Canadian numbers need Twilio's approval",
        ),
        ({"line_type_intelligence": {"error_code": 60600}}, "error 60600"),
        ({"valid": True, "line_type_intelligence": None}, ""),
    ],
)
async def test_line_type_unknown(
    wire: WireServer, gateway: TwilioGateway, body: Any, detail: str
) -> None:
    wire.answers = [Answer.json(body)]
    report = await TwilioLookup(gateway).look_up(NUMBER)
    assert report == LineReport(NUMBER, LineType.UNKNOWN, detail=detail)


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        ({"balance": "-0.05", "currency": "EUR"}, Cost(Decimal("-0.05"), "EUR")),
        ({"balance": "12"}, Cost(Decimal(12))),
        ({"balance": None}, None),
        ({"balance": "NaN"}, None),
    ],
)
async def test_balance(
    wire: WireServer, gateway: TwilioGateway, body: Any, cost: Cost | None
) -> None:
    wire.answers = [Answer.json(body)]
    assert await TwilioBalance(gateway).check() == cost
    assert wire.requests[0].line == f"GET {HOME}/Balance.json HTTP/1.1"


async def test_balance_proves_credentials(wire: WireServer, gateway: TwilioGateway) -> None:
    wire.answers = [Answer.json(problem(20003), 401)]
    assert (await refused(TwilioBalance(gateway).check())).reason is Reason.AUTH_FAILED
