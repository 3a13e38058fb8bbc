"""The URL gateway: MeshCentral's octets, its rules, and where we are stricter."""

from __future__ import annotations

from typing import ClassVar

import pytest

from enum_backend.gateways import GatewayError, GatewayOptionsError, Reason, UrlGateway
from enum_backend.gateways.base import ProviderStatus
from enum_backend.gateways.url import encode_component
from tests.unit.gateways.gateway_cases import GatewayCases, sms
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer

PHONE, MESSAGE = "%2B15551234567", "text%20%26%20more%3D1"
PLAIN = "http://gw.example.org/sms?phone={{phone}}&message={{message}}"


class TestUrlCases(GatewayCases):
    gateway_class = UrlGateway
    options: ClassVar = {
        "url": "https://gw.example.org/canary-token/s?p={{phone}}&m={{message}}&f={{from}}",
        "from": "+15550100001",
    }
    secrets = ("canary-token",)
    accepted = Answer(200, b"whatever")

    def sender_of(self, request: WireRequest) -> str:
        return request.line.split("f=")[1].split(" ")[0].replace("%2B", "+")

    def test_half_set_options_are_named(self) -> None:
        super().test_half_set_options_are_named()
        assert UrlGateway(url=self.options["url"]).missing() == ["from"]
        assert UrlGateway(url=PLAIN).missing() == []


async def line_of(wire: WireServer, url: str, **changes: object) -> str:
    """The request line that a template makes on the wire."""
    gateway = UrlGateway(url=url, base_url=wire.url)
    result = await gateway.send(sms(**{"to": "+15551234567", "text": "text & more=1", **changes}))
    await gateway.close()
    assert result.status is ProviderStatus.SENT
    return wire.requests[-1].line


async def test_octets_are_those_of_meshcentral(wire: WireServer) -> None:
    line = await line_of(wire, PLAIN)
    assert line == "GET /sms?phone=%2B15551234567&message=text%20%26%20more%3D1 HTTP/1.1"
    assert wire.requests[0].body == b""
    assert "authorization" not in wire.requests[0].headers


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("HTTP://gw.example.org/{{phone}}/{{message}}", f"/{PHONE}/{MESSAGE}"),
        (
            "http://gw.example.org?{{phone}}{{message}}{{phone}}#frag",
            f"/?{PHONE}{MESSAGE}{PHONE}",
        ),
        (
            "http://gw.example.org/a%2Fb/../c?q='x y'&u=é|{{phone}}{{message}}&id={{id}}",
            f"/a%2Fb/../c?q=%27x%20y%27&u=%C3%A9%7C{PHONE}{MESSAGE}&id=msg_1",
        ),
    ],
)
async def test_template_on_the_wire(wire: WireServer, url: str, target: str) -> None:
    assert await line_of(wire, url) == f"GET {target} HTTP/1.1"


async def test_sender_of_the_request_only(wire: WireServer) -> None:
    gateway = UrlGateway(url=PLAIN + "&from={{from}}", base_url=wire.url)
    with pytest.raises(GatewayError, match="settings lack from"):
        await gateway.send(sms())
    await gateway.send(sms(sender="+15550100009"))
    await gateway.close()
    assert wire.requests[0].line.endswith("&from=%2B15550100009 HTTP/1.1")


async def test_own_origin_is_used_without_base_url(wire: WireServer) -> None:
    gateway = UrlGateway(url=f"{wire.url}/s?{{{{phone}}}}{{{{message}}}}")
    await gateway.send(sms())
    await gateway.close()
    assert wire.requests[0].headers["host"] == f"127.0.0.1:{wire.port}"


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("azAZ09-_.!~*()", "azAZ09-_.!~*()"),
        ("it's", "it%27s"),
        ("a+b c\n\r\0", "a%2Bb%20c%0A%0D%00"),
        ("€😀", "%E2%82%AC%F0%9F%98%80"),
        ("{{phone}}%25#?", "%7B%7Bphone%7D%7D%2525%23%3F"),
    ],
)
async def test_encoding(wire: WireServer, text: str, encoded: str) -> None:
    assert encode_component(text) == encoded
    line = await line_of(wire, PLAIN, text=text)
    assert line == f"GET /sms?phone=%2B15551234567&message={encoded} HTTP/1.1"


@pytest.mark.parametrize("field", ["to", "sender", "message_id"])
async def test_half_surrogates_anywhere(wire: WireServer, field: str) -> None:
    gateway = UrlGateway(url=PLAIN + "{{id}}{{from}}", base_url=wire.url, sender="x")
    with pytest.raises(GatewayError) as caught:
        await gateway.send(sms(**{field: "\udc00"}))
    await gateway.close()
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert wire.requests == []


@pytest.mark.parametrize(
    ("status", "reason", "ambiguous"),
    [
        (201, Reason.UNKNOWN, True),
        (204, Reason.UNKNOWN, True),
        (304, Reason.UNKNOWN, False),
        (400, Reason.INVALID_REQUEST, False),
        (401, Reason.AUTH_FAILED, False),
        (403, Reason.FORBIDDEN, False),
        (418, Reason.UNKNOWN, False),
        (504, Reason.UNKNOWN, True),
    ],
)
async def test_only_200_is_success(
    wire: WireServer, status: int, reason: Reason, ambiguous: bool
) -> None:
    wire.answers = [Answer(status)]
    gateway = UrlGateway(url=PLAIN, base_url=wire.url)
    with pytest.raises(GatewayError) as caught:
        await gateway.send(sms())
    await gateway.close()
    assert (caught.value.reason, caught.value.ambiguous) == (reason, ambiguous)


async def test_more_statuses_may_mean_success(wire: WireServer) -> None:
    wire.answers = [Answer(202)]
    gateway = UrlGateway(url=PLAIN, base_url=wire.url, expected_statuses=[200, 202])
    assert (await gateway.send(sms())).status is ProviderStatus.SENT
    await gateway.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000,
    ],
    ids=["broken", "too long"],
)
async def test_body_of_success_does_not_matter(wire: WireServer, raw: bytes) -> None:
    wire.answers = [Answer(raw=raw, action="answer and close")]
    gateway = UrlGateway(url=PLAIN, base_url=wire.url)
    assert (await gateway.send(sms())).status is ProviderStatus.SENT
    await gateway.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("console", "simulator"),
        ("ftp://gw.example.org/{{phone}}{{message}}", "must start with http"),
        ("http://gw.example.org/{{phone}}", "lacks {{message}}"),
        ("http://gw.example.org/#{{phone}}{{message}}", "lacks {{phone}} and {{message}}"),
        ("http://gw.example.org/{{ phone }}{{message}}", "misspelt, write {{phone}}"),
        ("http://gw.example.org/{{phone}}{{message}}{{canary}}", "placeholder is misspelt (known"),
        ("http://u:canary@gw.example.org/{{phone}}{{message}}", "user:password@"),
        ("http://{{phone}}.example.org/{{message}}", "host name"),
        ("http:///{{phone}}{{message}}", "host name and port"),
        ("http://[::/{{phone}}{{message}}", "host name and port"),
        ("http://gw.example.org:0/{{phone}}{{message}}", "host name and port"),
        ("http://gw.example.org:99999/{{phone}}{{message}}", "host name and port"),
        ("http://gw.example.org/{{phone}}\r\nX: {{message}}", "control characters"),
        ("http://gw.example.org/\ud800{{phone}}{{message}}", "surrogate"),
    ],
)
def test_unusable_templates(url: str, message: str) -> None:
    with pytest.raises(GatewayOptionsError) as caught:
        UrlGateway("office", url=url)
    assert [error.field for error in caught.value.errors] == ["url"]
    assert message in caught.value.errors[0].message
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("statuses", [[], [302], [404], ["x"]])
def test_unusable_statuses(statuses: list[object]) -> None:
    with pytest.raises(GatewayOptionsError, match="expected_statuses"):
        UrlGateway(url=PLAIN, expected_statuses=statuses)
