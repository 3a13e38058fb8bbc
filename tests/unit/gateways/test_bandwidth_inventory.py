"""Bandwidth: numbers in XML, orders followed to their end, look-up, proof of credentials."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from enum_backend.gateways import BandwidthGateway, GatewayError, Reason
from enum_backend.gateways.inventory.bandwidth import (
    FEATURES,
    NUMBERS_URLS,
    BandwidthBalance,
    BandwidthInventory,
    BandwidthLookup,
)
from enum_backend.gateways.inventory.bandwidth_xml import NotXml, build, elements, parse, text
from enum_backend.gateways.inventory.base import (
    AvailableNumber,
    LineReport,
    LineType,
    NumberQuery,
    Order,
    OrderState,
    OwnedNumber,
)
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer

NUMBER = "+15555501001"
DIGITS = "5555501001"
ORDER = "34adcd9f-2c4a-4631-9dae-d1f318ed57bc"
HOOK = "https://sms.example.org/sms/webhook/bandwidth?a=1&b=2"
BASE = "/api/accounts/9900000"
OPTIONS: dict[str, Any] = {
    "account_id": "9900000",
    "client_id": "client-1",
    "client_secret": "canary-secret",
    "application_id": "app-1",
    "site_id": "743",
    "callback_user": "bw",
    "callback_password": "s3<&cret",
}
PENDING = Order(ORDER, NUMBER, OrderState.PENDING)


class QuickInventory(BandwidthInventory):
    poll_interval = 0.001
    polls = 3


@pytest.fixture
async def wire() -> AsyncIterator[WireServer]:
    async with WireServer() as server:
        server.aside["POST /api/v1/oauth2/token "] = Answer.json(
            {"access_token": "canary-token", "expires_in": 3600}
        )
        yield server


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[BandwidthGateway]:
    gateway = BandwidthGateway(**OPTIONS, base_url=wire.url, timeout=5)
    yield gateway
    await gateway.close()


@pytest.fixture
def inventory(gateway: BandwidthGateway) -> QuickInventory:
    return QuickInventory(gateway)


def xml(body: str, status: int = 200) -> Answer:
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    return Answer(status, f"{head}\n{body}".encode(), {"Content-Type": "application/xml"})


def asked(request: WireRequest) -> tuple[str, str, dict[str, str]]:
    method, target, _ = request.line.split(" ")
    parts = urlsplit(target)
    return method, parts.path, dict(parse_qsl(parts.query))


def tree(element: Element) -> Any:
    """An element as (name, text or children)."""
    return element.tag, [tree(child) for child in element] or element.text


def document(request: WireRequest) -> Any:
    assert request.headers["content-type"] == "application/xml; charset=utf-8"
    return tree(fromstring(request.body))


async def failure(awaitable: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await asyncio.wait_for(awaitable, 10)
    return caught.value


# Search.


async def test_search(wire: WireServer, inventory: QuickInventory) -> None:
    wire.answers = [
        xml(
            """<SearchResult><ResultCount>2</ResultCount><!-- two --><TelephoneNumberDetailList>
            <TelephoneNumberDetail><City>CARY</City><RateCenter>RALEIGH</RateCenter>
              <State>NC</State><FullNumber>5555501001</FullNumber></TelephoneNumberDetail>
            <TelephoneNumberDetail><RateCenter>RALEIGH</RateCenter>
              <FullNumber>5555501002</FullNumber></TelephoneNumberDetail>
            <TelephoneNumberDetail><FullNumber>911</FullNumber></TelephoneNumberDetail>
            </TelephoneNumberDetailList></SearchResult>"""
        )
    ]
    assert await inventory.search(NumberQuery("us", "555", quantity=9999)) == [
        AvailableNumber(NUMBER, FEATURES, "NC", "CARY"),
        AvailableNumber("+15555501002", FEATURES, None, "RALEIGH"),
    ]
    (request,) = wire.requests
    assert asked(request) == (
        "GET",
        f"{BASE}/availableNumbers",
        {"areaCode": "555", "quantity": "500", "enableTNDetail": "true"},
    )
    assert request.headers["accept"] == "application/xml"
    assert request.headers["authorization"] == "Bearer canary-token"


async def test_search_without_details(wire: WireServer, inventory: QuickInventory) -> None:
    wire.answers = [
        xml(
            '<a:SearchResult xmlns:a="urn:x"><a:TelephoneNumberList>'
            "<a:TelephoneNumber>5555501001</a:TelephoneNumber><a:TelephoneNumber/>"
            "</a:TelephoneNumberList></a:SearchResult>"
        )
    ]
    assert await inventory.search(NumberQuery("CA", "555")) == [AvailableNumber(NUMBER, FEATURES)]


@pytest.mark.parametrize("query", [NumberQuery("GB", "20"), NumberQuery("US")])
async def test_search_that_bandwidth_cannot_do(
    wire: WireServer, inventory: QuickInventory, query: NumberQuery
) -> None:
    assert (await failure(inventory.search(query))).reason is Reason.INVALID_REQUEST
    assert wire.requests == []


async def test_refused_search(wire: WireServer, inventory: QuickInventory) -> None:
    error = (
        "<SearchResult><Error><Code>4010</Code>"
        "<Description>Area code 5555501001 is odd</Description></Error></SearchResult>"
    )
    wire.answers = [xml(error, 400)]
    caught = await failure(inventory.search(NumberQuery("US", "1")))
    assert (caught.reason, caught.provider_code) == (Reason.INVALID_REQUEST, "4010")
    assert caught.detail == "HTTP 400: Area code *** is odd"


# XML.

BOMB = (
    '<!DOCTYPE a [<!ENTITY b "lol"><!ENTITY c "&b;&b;&b;&b;">]>'
    "<TNs><TelephoneNumbers><TelephoneNumber>&c;</TelephoneNumber></TelephoneNumbers></TNs>"
)
FILE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><TNs>&b;</TNs>'
REMOTE = '<!DOCTYPE a SYSTEM "https://evil.example.org/a.dtd"><TNs/>'


@pytest.mark.parametrize("body", [BOMB, FILE, REMOTE])
async def test_entities_are_refused(wire: WireServer, inventory: QuickInventory, body: str) -> None:
    wire.answers = [xml(body)]
    error = await failure(inventory.owned())
    assert (error.reason, error.ambiguous) == (Reason.UNKNOWN, False)
    assert "no XML" in error.detail


@pytest.mark.parametrize(
    "body", [b"", b"<a", b"{}", b"\xff", b'<?xml version="1.0" encoding="x-none"?><a/>']
)
def test_no_xml(body: bytes) -> None:
    with pytest.raises(NotXml):
        parse(body)


def test_built_documents_are_escaped() -> None:
    built = build("A", [("B", '<&>"é'), ("C", [("D", "1")])])
    assert built.startswith(b"<?xml")
    root = parse(built)
    assert text(root, "B") == '<&>"é'
    assert text(root, "C", "D") == "1"
    assert text(root, "A", "C", "D") == "1"
    assert text(root, "C", "E") == text(root, "E") == ""
    assert [item.text for item in elements(root, "D")] == ["1"]


# Orders.


def order(status: str = "", inner: str = "", number: str = DIGITS) -> str:
    word = f"<OrderStatus>{status}</OrderStatus>" if status else ""
    numbers = f"<TelephoneNumber><FullNumber>{number}</FullNumber></TelephoneNumber>"
    done = f"<CompletedNumbers>{numbers}</CompletedNumbers>" if status == "COMPLETE" else ""
    return (
        f"<OrderResponse>{inner}<Order><id>{ORDER}</id><SiteId>743</SiteId></Order>"
        f"{word}{done}</OrderResponse>"
    )


PROBLEM = (
    "<ErrorList><Error><Code>5021</Code><Description>5555501001 is taken</Description></Error>"
    "</ErrorList>"
)


async def test_buy(wire: WireServer, inventory: QuickInventory) -> None:
    wire.answers = [xml("<ApplicationProvisioningResponse/>"), xml(order("RECEIVED"), 201)]
    assert await inventory.buy(NUMBER, HOOK) == PENDING
    application, purchase = wire.requests
    assert asked(application)[:2] == ("PATCH", f"{BASE}/applications/app-1")
    credentials = [("UserId", "bw"), ("Password", "s3<&cret")]
    assert document(application) == (
        "Application",
        [
            ("InboundCallbackUrl", HOOK),
            ("InboundCallbackCreds", credentials),
            ("OutboundCallbackUrl", HOOK),
            ("OutboundCallbackCreds", credentials),
        ],
    )
    assert asked(purchase)[:2] == ("POST", f"{BASE}/orders")
    assert document(purchase) == (
        "Order",
        [
            ("Name", "enum-backend"),
            (
                "ExistingTelephoneNumberOrderType",
                [("TelephoneNumberList", [("TelephoneNumber", DIGITS)])],
            ),
            ("PartialAllowed", "false"),
            ("SiteId", "743"),
        ],
    )


async def test_buy_for_a_location(wire: WireServer) -> None:
    gateway = BandwidthGateway(**OPTIONS, peer_id="518824", base_url=wire.url)
    wire.answers = [Answer(204), xml(order(), 201)]
    bought = await QuickInventory(gateway).buy(NUMBER, HOOK, "https://sms2.example.org/")
    await gateway.close()
    assert bought.detail == "Bandwidth has no failover address"
    assert document(wire.requests[1])[1][-1] == ("PeerId", "518824")


async def test_legacy_users_have_their_own_address(wire: WireServer) -> None:
    legacy = {**OPTIONS, "auth": "basic", "username": "u", "password": "p"}
    assert NUMBERS_URLS["basic"].startswith("https://dashboard.bandwidth.com/api/")
    gateway = BandwidthGateway(**legacy, base_url=wire.url)
    wire.answers = [xml(order("COMPLETE"))]
    bought = await QuickInventory(gateway).buy(NUMBER, "")
    await gateway.close()
    assert bought.state is OrderState.DONE
    assert wire.requests[0].line == f"POST {BASE}/orders HTTP/1.1"
    assert wire.requests[0].headers["authorization"] == "Basic dTpw"


@pytest.mark.parametrize("key", ["site_id", "application_id", "callback_user", "callback_password"])
async def test_nothing_is_bought_that_could_not_be_heard(wire: WireServer, key: str) -> None:
    gateway = BandwidthGateway(**{**OPTIONS, key: ""}, base_url=wire.url)
    error = await failure(QuickInventory(gateway).buy(NUMBER, HOOK))
    assert (error.reason, key in error.detail) == (Reason.AUTH_FAILED, True)
    assert wire.requests == wire.asides == []


@pytest.mark.parametrize("number", ["+447700900001", "5555501001", "+1555550100", "+1055550100x"])
async def test_foreign_numbers(wire: WireServer, inventory: QuickInventory, number: str) -> None:
    assert (await failure(inventory.buy(number, ""))).reason is Reason.INVALID_REQUEST
    assert (await failure(inventory.release(number))).reason is Reason.INVALID_REQUEST
    assert wire.requests == []


async def test_nothing_is_bought_when_the_application_is_refused(
    wire: WireServer, inventory: QuickInventory
) -> None:
    status = (
        "<R><ResponseStatus><ErrorCode>12 !</ErrorCode><Description>bad s3&lt;&amp;cret"
        "</Description></ResponseStatus></R>"
    )
    wire.answers = [xml(status, 404)]
    error = await failure(inventory.buy(NUMBER, HOOK))
    assert (error.reason, error.provider_code) == (Reason.INVALID_REQUEST, "404")
    assert error.detail == "HTTP 404: bad ***"
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "answer", [Answer(action="reset"), Answer(201), xml("<OrderResponse/>", 201), xml(BOMB, 201)]
)
async def test_unclear_purchase_is_ambiguous_and_made_once(
    wire: WireServer, inventory: QuickInventory, answer: Answer
) -> None:
    wire.answers = [answer, xml(order("RECEIVED"))]
    assert (await failure(inventory.buy(NUMBER, ""))).ambiguous
    await asyncio.sleep(0.02)
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (xml(f"<OrderResponse>{PROBLEM}</OrderResponse>", 201), Reason.INVALID_REQUEST),
        (xml(f"<OrderResponse>{PROBLEM}</OrderResponse>", 400), Reason.INVALID_REQUEST),
        (Answer(403, b"<html>"), Reason.FORBIDDEN),
    ],
)
async def test_refused_purchase(
    wire: WireServer, inventory: QuickInventory, answer: Answer, reason: Reason
) -> None:
    wire.answers = [answer]
    error = await failure(inventory.buy(NUMBER, ""))
    assert (error.reason, error.ambiguous) == (reason, False)


@pytest.mark.parametrize(
    ("body", "state", "detail"),
    [
        (order("RECEIVED"), OrderState.PENDING, ""),
        (order("PENDING"), OrderState.PENDING, ""),
        (order("BACKORDERED"), OrderState.PENDING, ""),
        (order("COMPLETE"), OrderState.DONE, ""),
        (order("COMPLETE", number="5555501002"), OrderState.FAILED, "another number was bought"),
        (order("PARTIAL"), OrderState.FAILED, "status PARTIAL"),
        (order("CANCELLED"), OrderState.FAILED, "status CANCELLED"),
        (order("FAILED", PROBLEM), OrderState.FAILED, "5021 *** is taken"),
    ],
)
async def test_order_is_followed(
    wire: WireServer, inventory: QuickInventory, body: str, state: OrderState, detail: str
) -> None:
    wire.answers = [xml(body)]
    assert await inventory.order(PENDING) == Order(ORDER, NUMBER, state, detail)
    assert wire.requests[0].line == f"GET {BASE}/orders/{ORDER} HTTP/1.1"


async def test_order_that_is_not_understood(wire: WireServer, inventory: QuickInventory) -> None:
    wire.answers = [xml("<OrderResponse/>")]
    error = await failure(inventory.order(Order("../x", NUMBER, OrderState.PENDING)))
    assert (error.reason, error.ambiguous) == (Reason.UNKNOWN, False)
    assert wire.requests[0].line == f"GET {BASE}/orders/..%2Fx HTTP/1.1"


# List.


def page(*digits: str, following: str = "") -> Answer:
    numbers = "".join(f"<TelephoneNumber>{number}</TelephoneNumber>" for number in digits)
    link = f"<next>{following}</next>" if following else ""
    return xml(
        f"<TNs><TotalCount>3</TotalCount><Links><first>...</first>{link}</Links>"
        f"<TelephoneNumbers><Count>{len(digits)}</Count>{numbers}</TelephoneNumbers></TNs>"
    )


async def test_owned_reads_all_pages(wire: WireServer, inventory: QuickInventory) -> None:
    link = "Link=&lt;https://evil.example.org/tns?page=5555501002%2Bx&amp;size=500&gt;;rel=next;"
    wire.answers = [page(DIGITS, "5555501002", following=link), page("5555501003", "x", DIGITS)]
    assert await inventory.owned() == [
        OwnedNumber(number, FEATURES) for number in (NUMBER, "+15555501002", "+15555501003")
    ]
    assert [asked(request) for request in wire.requests] == [
        ("GET", f"{BASE}/inserviceNumbers", {"page": "1", "size": "500"}),
        ("GET", f"{BASE}/inserviceNumbers", {"page": "5555501002+x", "size": "500"}),
    ]


async def test_no_numbers(wire: WireServer, inventory: QuickInventory) -> None:
    wire.answers = [Answer(204)]
    assert await inventory.owned() == []


async def test_pages_in_a_circle(wire: WireServer, inventory: QuickInventory) -> None:
    wire.answers = [page(DIGITS, following="?page=1&amp;size=500")]
    assert len(await inventory.owned()) == 1
    assert len(wire.requests) == 1


async def test_pages_without_end(
    wire: WireServer, inventory: QuickInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enum_backend.gateways.inventory.bandwidth.MAX_PAGES", 3)
    wire.answers = [page(DIGITS, following=f"?page={n}") for n in range(2, 9)]
    assert (await failure(inventory.owned())).reason is Reason.UNKNOWN
    assert len(wire.requests) == 2


async def test_owned_is_never_half_a_list(wire: WireServer, inventory: QuickInventory) -> None:
    wire.answers = [page(DIGITS, following="?page=2"), Answer(500)]
    assert (await failure(inventory.owned())).reason is Reason.TEMPORARY_UNAVAILABLE


# Release.


def gone(status: str = "", inner: str = "") -> Answer:
    word = f"<OrderStatus>{status}</OrderStatus>" if status else ""
    return xml(
        "<DisconnectTelephoneNumberOrderResponse>"
        f"{inner}<orderRequest><id>{ORDER}</id></orderRequest>{word}"
        "</DisconnectTelephoneNumberOrderResponse>"
    )


async def test_release_waits_for_the_end(wire: WireServer, inventory: QuickInventory) -> None:
    wire.answers = [gone(), gone("RECEIVED"), gone("COMPLETE")]
    assert await inventory.release(NUMBER) is None
    assert [asked(request)[:2] for request in wire.requests] == [
        ("POST", f"{BASE}/disconnects"),
        ("GET", f"{BASE}/disconnects/{ORDER}"),
        ("GET", f"{BASE}/disconnects/{ORDER}"),
    ]
    assert document(wire.requests[0]) == (
        "DisconnectTelephoneNumberOrder",
        [
            ("Name", "enum-backend"),
            (
                "DisconnectTelephoneNumberOrderType",
                [("TelephoneNumberList", [("TelephoneNumber", DIGITS)])],
            ),
        ],
    )


@pytest.mark.parametrize(
    ("answers", "reason", "calls"),
    [
        ([gone("", PROBLEM)], Reason.INVALID_REQUEST, 1),
        ([gone("RECEIVED"), gone("FAILED", PROBLEM)], Reason.INVALID_REQUEST, 2),
        ([xml(PROBLEM, 404)], Reason.INVALID_REQUEST, 1),
    ],
)
async def test_release_that_fails(
    wire: WireServer,
    inventory: QuickInventory,
    answers: list[Answer],
    reason: Reason,
    calls: int,
) -> None:
    wire.answers = answers
    assert (await failure(inventory.release(NUMBER))).reason is reason
    assert len(wire.requests) == calls


async def test_release_that_takes_long(wire: WireServer, inventory: QuickInventory) -> None:
    wire.answers = [gone("RECEIVED")]
    order = await inventory.release(NUMBER)
    assert order == Order(ORDER, NUMBER, OrderState.PENDING)
    assert len(wire.requests) == 4
    for status, state in (("RECEIVED", OrderState.PENDING), ("COMPLETE", OrderState.DONE)):
        wire.answers = [gone(status)]
        assert (await inventory.released(order)).state is state
    wire.answers = [gone("FAILED", PROBLEM)]
    assert (await inventory.released(order)).state is OrderState.FAILED


async def test_release_without_an_order_id(wire: WireServer, inventory: QuickInventory) -> None:
    wire.answers = [xml("<DisconnectTelephoneNumberOrderResponse/>")]
    order = await inventory.release(NUMBER)
    assert order == Order("", NUMBER, OrderState.PENDING)
    item = f"<TelephoneNumber>{DIGITS}</TelephoneNumber>"
    wire.answers = [xml(f"<TNs><TelephoneNumbers>{item}</TelephoneNumbers></TNs>")]
    assert (await inventory.released(order)).state is OrderState.PENDING
    wire.answers = [Answer(204)]
    assert (await inventory.released(order)).state is OrderState.DONE


# Look-up and credentials.


@pytest.mark.parametrize(
    ("item", "report"),
    [
        (
            {"lineType": "MOBILE", "messagingProvider": "Example M", "voiceProvider": "V"},
            LineReport(NUMBER, LineType.MOBILE, "Example M"),
        ),
        (
            {"lineType": "FIXED", "voiceProvider": "V", "deactivationEvent": "DEACTIVATED"},
            LineReport(NUMBER, LineType.LANDLINE, "V", detail="DEACTIVATED"),
        ),
        ({"lineType": "VOIP-FIXED"}, LineReport(NUMBER, LineType.VOIP)),
        ({"lineType": "voip"}, LineReport(NUMBER, LineType.VOIP)),
        (
            {"lineType": None, "messagingProvider": 7, "deactivationEvent": 7},
            LineReport(NUMBER, LineType.UNKNOWN),
        ),
    ],
)
async def test_look_up(
    wire: WireServer, gateway: BandwidthGateway, item: dict[str, Any], report: LineReport
) -> None:
    results = ["x", {"phoneNumber": "+15555501002"}, {"phoneNumber": NUMBER, **item}]
    wire.answers = [Answer.json({"links": [], "data": {"results": results}, "errors": []})]
    assert await BandwidthLookup(gateway).look_up(NUMBER) == report
    (request,) = wire.requests
    assert request.line == "POST /v2/accounts/9900000/phoneNumberLookup HTTP/1.1"
    assert request.json() == {"phoneNumbers": [NUMBER]}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"data": {"results": []}, "errors": [{"code": "NO-MATCH"}]}, "NO-MATCH"),
        ({"data": {"results": None}, "errors": ["x"]}, ""),
        ({"data": [], "errors": []}, ""),
        ([], ""),
    ],
)
async def test_look_up_of_nobody(
    wire: WireServer, gateway: BandwidthGateway, body: Any, detail: str
) -> None:
    wire.answers = [Answer.json(body)]
    report = await BandwidthLookup(gateway).look_up(NUMBER)
    assert report == LineReport(NUMBER, LineType.UNKNOWN, detail=detail)


async def test_refused_look_up(wire: WireServer, gateway: BandwidthGateway) -> None:
    wire.answers = [Answer(429, headers={"Retry-After": "9"})]
    error = await failure(BandwidthLookup(gateway).look_up(NUMBER))
    assert (error.reason, error.retry_after) == (Reason.RATE_LIMITED, 9)


async def test_credentials(wire: WireServer, gateway: BandwidthGateway) -> None:
    wire.answers = [Answer.json({"messages": []})]
    assert await BandwidthBalance(gateway).check() is None
    assert wire.requests[0].line == "GET /api/v2/users/9900000/messages?limit=1 HTTP/1.1"
    wire.answers = [Answer.json({"type": "forbidden", "description": "not enabled"}, 403)]
    error = await failure(BandwidthBalance(gateway).check())
    assert (error.reason, error.detail) == (Reason.FORBIDDEN, "HTTP 403: not enabled")
    wire.answers = [Answer(401)]
    assert (await failure(BandwidthBalance(gateway).check())).reason is Reason.AUTH_FAILED


async def test_official_sdk_looks_up_the_same(wire: WireServer, gateway: BandwidthGateway) -> None:
    bandwidth = pytest.importorskip("bandwidth", reason="the official SDK is what is compared with")
    wire.answers = [
        Answer.json(
            {"links": [], "data": {"results": []}, "errors": []},
            **{"Content-Type": "application/json"},
        )
    ]

    def theirs() -> None:
        configuration = bandwidth.Configuration(
            host=f"{wire.url}/v2",
            client_id="client-1",
            client_secret="canary-secret",
            access_token_url=f"{wire.url}/api/v1/oauth2/token",
            ignore_operation_servers=True,
            retries=0,
        )
        with bandwidth.ApiClient(configuration) as client:
            bandwidth.PhoneNumberLookupApi(client).create_sync_lookup(
                "9900000",
                bandwidth.SyncLookupRequest(phoneNumbers=[NUMBER]),
                _request_timeout=5,
            )

    await asyncio.wait_for(asyncio.to_thread(theirs), 20)
    await BandwidthLookup(gateway).look_up(NUMBER)
    their, our = wire.requests
    assert our.line == their.line
    assert our.json() == their.json()
    assert our.headers["authorization"] == their.headers["authorization"]
