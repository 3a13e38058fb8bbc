"""The client's own traps; what every gateway needs of it is in gateway_cases."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from yarl import URL

from enum_backend.gateways import GatewayError, Reason
from enum_backend.gateways.http_client import HttpClient
from enum_backend.gateways.http_session import Session
from enum_backend.gateways.http_wire import Wire
from tests.unit.gateways.wire_server import Action, Answer, WireServer

BOTH = pytest.mark.parametrize("lower", [Session, Wire])


async def test_aiohttp_does_repeat_a_dropped_get(wire: WireServer) -> None:
    # The trap itself: if this fails, aiohttp has changed and the guard can go.
    wire.answers = [Answer(action="reset"), Answer()]
    async with aiohttp.ClientSession() as session, session.get(wire.url) as response:
        assert response.status == 200
    assert len(wire.requests) == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("action", ["reset", "hang up"])
@BOTH
async def test_no_method_is_repeated(
    wire: WireServer, method: str, action: Action, lower: type[Session] | type[Wire]
) -> None:
    wire.answers = [Answer(action=action), Answer()]
    client = HttpClient(5, lower)
    with pytest.raises(GatewayError) as caught:
        await client.request(method, wire.url)
    await client.close()
    assert caught.value.ambiguous
    assert len(wire.requests) == 1


@BOTH
async def test_unexpected_client_errors_keep_their_name_only(
    lower: type[Session] | type[Wire],
) -> None:
    client = HttpClient(5, lower)
    with pytest.raises(GatewayError) as caught:
        await client.request("GET", "http:///canary")
    await client.close()
    assert caught.value.reason is Reason.TEMPORARY_UNAVAILABLE
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


@BOTH
async def test_cancelling_is_not_swallowed(
    wire: WireServer, lower: type[Session] | type[Wire]
) -> None:
    wire.answers = [Answer(action="stall")]
    client = HttpClient(5, lower)
    task = asyncio.create_task(client.request("GET", wire.url))
    async with asyncio.timeout(5):
        await wire.seen.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await client.close()
    await client.close()


@BOTH
async def test_form_bodies(wire: WireServer, lower: type[Session] | type[Wire]) -> None:
    client = HttpClient(5, lower)
    await client.request("POST", wire.url, data={"To": "+1555"}, headers={"X-A": "b"})
    await client.close()
    assert wire.requests[0].body == b"To=%2B1555"
    assert wire.requests[0].headers["x-a"] == "b"
    assert wire.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"


@BOTH
async def test_json_and_bodies_of_other_kinds(
    wire: WireServer, lower: type[Session] | type[Wire]
) -> None:
    client = HttpClient(5, lower)
    await client.request("POST", wire.url, json={"a": "ü"})
    await client.request("POST", wire.url, data=b"<a/>", headers={"content-type": "text/xml"})
    await client.request("POST", wire.url, data=b"octets")
    await client.request("POST", wire.url)
    await client.close()
    bodies = [(item.headers.get("content-type"), item.body) for item in wire.requests]
    assert bodies[:3] == [
        ("application/json", b'{"a": "\\u00fc"}'),
        ("text/xml", b"<a/>"),
        ("application/octet-stream", b"octets"),
    ]
    assert wire.requests[3].headers["content-length"] == "0"
    assert all(item.headers["accept-encoding"] == "identity" for item in wire.requests)


@BOTH
@pytest.mark.parametrize("value", ["a\r\nX-B: c", "a\nb", "a\0b"])
async def test_no_value_ends_a_header(
    wire: WireServer, value: str, lower: type[Session] | type[Wire]
) -> None:
    client = HttpClient(5, lower)
    with pytest.raises(GatewayError) as caught:
        await client.request("GET", wire.url, headers={"X-A": value})
    await client.close()
    assert value not in str(caught.value)
    assert wire.requests == []


async def test_what_no_request_line_can_hold_is_not_sent(wire: WireServer) -> None:
    client = HttpClient(5, Wire)
    for target in ("/a b", "/a\r\nX: y", "/ü"):
        with pytest.raises(GatewayError) as caught:
            await client.request("GET", URL(wire.url.rstrip("/") + target, encoded=True))
        assert caught.value.reason is Reason.INVALID_REQUEST
        assert not caught.value.ambiguous
    with pytest.raises(GatewayError, match="InvalidURL"):
        await client.request("GET", "ftp://192.0.2.1/")
    await client.close()
    assert wire.requests == []


async def test_early_hints_are_no_answer(wire: WireServer) -> None:
    raw = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 X\r\nContent-Length: 2\r\n\r\nok"
    wire.answers = [Answer(raw=raw), Answer(raw=b"no http at all\r\n\r\n")]
    client = HttpClient(5, Wire)
    reply = await client.request("GET", wire.url)
    assert (reply.status, reply.body) == (201, b"ok")
    with pytest.raises(GatewayError, match="reply is not HTTP") as caught:
        await client.request("GET", wire.url)
    assert caught.value.ambiguous
    await client.close()
