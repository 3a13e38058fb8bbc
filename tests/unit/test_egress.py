"""The way out: only to public addresses, judged where the socket is made."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.egress import Egress, RefusedAddress, RefusedUrl, is_public, parse_allowed

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_addresses_that_are_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    if "%" not in text:
        host = f"[{text}]" if ":" in text else text
        with pytest.raises(RefusedUrl, match="not public"):
            Egress().check(f"https://{host}/")


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))
    host = f"[{text}]" if ":" in text else text
    assert Egress().check(f"https://{host}/x").path == "/x"


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_hides_behind_no_ipv6_form(address: ipaddress.IPv4Address) -> None:
    for prefix in ("::ffff:0:0", "64:ff9b::"):
        base = int(ipaddress.IPv6Address(prefix))
        assert is_public(ipaddress.IPv6Address(base + int(address))) == is_public(address)
    if address.is_private or address.is_multicast or address.is_loopback or address.is_link_local:
        assert not is_public(address)


@given(st.ip_addresses(v=6))
def test_ipv6_outside_global_unicast_is_not_public(address: ipaddress.IPv6Address) -> None:
    holds_v4 = address.ipv4_mapped or address in ipaddress.IPv6Network("64:ff9b::/96")
    if not holds_v4 and address not in ipaddress.IPv6Network("2000::/3"):
        assert not is_public(address)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.com/", "https"),
        ("ftp://hooks.example.com/", "https"),
        ("//hooks.example.com/", "https"),
        ("hooks.example.com", "https"),
        ("file:///etc/passwd", "https"),
        ("https://", "https"),
        ("", "https"),
        ("https://user@hooks.example.com/", "user"),
        ("https://user:secret@hooks.example.com/", "user"),
        ("https://:secret@hooks.example.com/", "user"),
        ("https://hooks.example.com:22/", "port"),
        ("https://hooks.example.com:80/", "port"),
        ("https://hooks.example.com:0/", "port"),
        ("https://hooks.example.com:99999/", "no URL"),
        ("https://hooks.example.com/a b", "blanks"),
        ("https://hooks.example.com/\n", "blanks"),
        ("https://hooks.example.com/\u202e", "blanks"),
        ("https://[::1/", "no URL"),
        ("https://hooks.example.com/" + "a" * 3000, "longer"),
    ],
)
def test_urls_that_are_not_called(url: str, why: str) -> None:
    with pytest.raises(RefusedUrl, match=why) as caught:
        Egress().check(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/a?b=c", "https://hooks.example.com:8443/", "https://x.y/"]
)
def test_urls_that_may_be_called(url: str) -> None:
    assert str(Egress().check(f"{url}#part")) == url


def test_what_the_operator_allows() -> None:
    egress = Egress(["Hooks.LAN.", "10.1.0.0/16", "127.0.0.1", "fd00::/8"])
    for url in (
        "http://hooks.lan/",
        "http://HOOKS.lan:81/",
        "http://10.1.2.3:81/",
        "https://10.1.2.3/",
        "http://127.0.0.1:8080/",
        "http://[fd00::1]/",
        "https://[::ffff:127.0.0.1]/",
    ):
        egress.check(url)
    for url in ("http://other.lan/", "https://10.2.0.1/", "https://127.0.0.2/", "http://1.1.1.1/"):
        with pytest.raises(RefusedUrl):
            egress.check(url)


@pytest.mark.parametrize("entry", ["", "a..b", "-a", "exa mple", "10.0.0.0/33", "x" * 300, "ä.lan"])
def test_entries_that_are_neither_host_nor_network(entry: str) -> None:
    with pytest.raises(ValueError, match="expected host names"):
        parse_allowed([entry])


class Rebinding(AbstractResolver):
    """A name that is public when it is checked and leads inside when it is called."""

    def __init__(self, port: int, *answers: str) -> None:
        self.port = port
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del port, family
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        version = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [
            ResolveResult(
                hostname=host, host=address, port=self.port, family=version, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        return


@pytest.fixture
async def inside() -> AsyncIterator[tuple[int, list[str]]]:
    """A server of our own network: its port, and what it was asked."""
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="secret of the inside")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1], asked
    await runner.cleanup()


async def post(egress: Egress, url: Any) -> int:
    async with egress.session(url).post(url, allow_redirects=False) as response:
        return response.status


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
async def test_a_name_that_leads_inside_is_refused_at_the_connect(
    inside: tuple[int, list[str]], address: str
) -> None:
    port, asked = inside
    egress = Egress()
    url = egress.check(f"https://hooks.example.com:{port}/")
    session = egress.session(url)
    session.connector._resolver = Rebinding(port, address)
    with pytest.raises(aiohttp.ClientConnectorError) as caught:
        await post(egress, url)
    assert isinstance(caught.value.os_error, RefusedAddress)
    assert asked == []
    await egress.close()


async def test_the_second_answer_of_a_name_is_judged_as_well(
    inside: tuple[int, list[str]],
) -> None:
    port, asked = inside
    egress = Egress()
    url = egress.check(f"https://hooks.example.com:{port}/")
    connector = egress.session(url).connector
    assert isinstance(connector, aiohttp.TCPConnector)
    connector._resolver = Rebinding(port, "192.0.2.1", "127.0.0.1")
    connector._use_dns_cache = False
    for _ in range(2):
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await post(egress, url)
        assert isinstance(caught.value.os_error, RefusedAddress)
    assert asked == []
    await egress.close()


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1"])
async def test_spellings_of_loopback(inside: tuple[int, list[str]], host: str) -> None:
    port, asked = inside
    egress = Egress()
    try:
        url = egress.check(f"https://{host}:{port}/")
    except RefusedUrl:
        return
    with pytest.raises(aiohttp.ClientConnectorError):
        await post(egress, url)
    assert asked == []
    await egress.close()


async def test_allowed_and_trusted_addresses_are_called(inside: tuple[int, list[str]]) -> None:
    port, asked = inside
    by_network, by_name, strict = Egress(["127.0.0.0/8"]), Egress(["localhost"]), Egress()
    assert await post(by_network, by_network.check(f"http://127.0.0.1:{port}/network")) == 200
    assert await post(by_name, by_name.check(f"http://localhost:{port}/name")) == 200
    url = by_network.check(f"http://127.0.0.1:{port}/trusted")
    async with strict.session(url, trusted=True).post(url) as response:
        assert response.status == 200
    with pytest.raises(aiohttp.ClientConnectorError):
        await post(strict, url)
    assert asked == ["/network", "/name", "/trusted"]
    for egress in (by_network, by_name, strict):
        await egress.close()
        await egress.close()


async def test_an_allowed_network_opens_no_other(inside: tuple[int, list[str]]) -> None:
    port, asked = inside
    egress = Egress(["10.0.0.0/8"])
    url = egress.check(f"https://hooks.example.com:{port}/")
    egress.session(url).connector._resolver = Rebinding(port, "127.0.0.1")
    with pytest.raises(aiohttp.ClientConnectorError):
        await post(egress, url)
    assert asked == []
    await egress.close()
