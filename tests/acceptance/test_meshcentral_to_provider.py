"""A request in MeshCentral's exact shape reaches the provider the recipient's record names."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.provider_mock import FIRST_START, provider_mock
from tests.serving import Serving, serving
from tests.unit.gateways.wire_server import WireServer

BY_TELNYX, BY_URL = "+14155550101", "+14155550102"
RECORDS = {
    "enum:14155550101:0": {"voice": "sip:a@pbx.example", "sms": f"telnyx:{BY_TELNYX}"},
    "enum:2.0.1.0.5.5.5.5.1.4.1.e164.arpa": {"sms": f"url:{BY_URL}"},
}
TEXT_ON_THE_WIRE = "MeshTest%E7%A2%BA%E8%AA%8D%E3%82%B3%E3%83%BC%E3%83%89%EF%BC%9A059472"

pytestmark = pytest.mark.timeout(FIRST_START + 90)


@pytest.fixture(scope="module")
def telnyx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with provider_mock("telnyx", tmp_path_factory.mktemp("mock") / "log.txt") as url:
        yield url


async def meshcentral_sends(server: Serving, phone: str) -> str:
    """The octets of MeshCentral's `url` provider, phone as typed; the id of our message."""
    address = urlsplit(server.http_url)
    target = server.shim_url.removeprefix(server.http_url)
    target = target.replace("{{phone}}", phone).replace("{{message}}", TEXT_ON_THE_WIRE)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        request = f"GET {target} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: keep-alive\r\n"
        writer.write(f"{request}\r\n".encode("ascii"))
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode()
        assert head.startswith("HTTP/1.1 200 "), head
        length = int(head.lower().split("content-length: ")[1].split("\r")[0])
        answer = json.loads(await reader.readexactly(length))
    finally:
        writer.close()
        await writer.wait_closed()
    message_id: str = answer["message_id"]
    return message_id


async def test_record_chooses_the_provider(telnyx: str, tmp_path: Path) -> None:
    (tmp_path / "records.json").write_text(json.dumps(RECORDS))
    async with WireServer() as phone:
        settings = f"""
            [nvs]
            file = "records.json"
            [routing]
            fallback = false
            [gateways.telnyx]
            api_key = "KEYtest"
            from = "+14155550100"
            base_url = "{telnyx}"
            [gateways.office]
            provider = "url"
            url = "{phone.url}/sms?to={{{{phone}}}}&text={{{{message}}}}"
        """
        async with serving(tmp_path, settings) as server:
            assert server.mode == "live"
            first = await meshcentral_sends(server, "%2B1%20415-555.0101")
            second = await meshcentral_sends(server, "4155550102")
            final = ("sent", "delivered", "failed", "undelivered", "unknown")
            by_telnyx = await server.wait_for(first, *final)
            by_url = await server.wait_for(second, *final)
            assert await server.stop() == 0
    assert (by_telnyx["gateway"], by_telnyx["provider"]) == ("telnyx", "telnyx")
    (attempt,) = by_telnyx["attempts"]
    assert attempt["outcome"] == "accepted", attempt
    assert attempt["provider_message_id"]
    assert (by_url["gateway"], by_url["provider"]) == ("office", "url")
    assert by_url["status"] == "sent"
    assert [request.line for request in phone.requests] == [
        f"GET /sms?to=%2B14155550102&text={TEXT_ON_THE_WIRE} HTTP/1.1"
    ]
