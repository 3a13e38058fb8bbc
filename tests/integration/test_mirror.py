"""A server on a mirror of a fake chain, and the commands that keep and check it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import dns.asyncquery
import dns.message
import dns.rcode
import pytest
from click.testing import CliRunner

from enum_backend.cli import cli
from enum_backend.testing import RunningServer, running_server
from nvs.names import to_e164_name
from nvs.testing import FakeChain, FakeChainNode

NUMBER = "+14155551234"
NAME = "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
VALUE = '{"voice":"sip:alice@pbx.example","sms":"telnyx:+14155551234"}'


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def node(chain: FakeChain) -> Iterator[FakeChainNode]:
    with FakeChainNode(chain) as running:
        yield running


def settings(node: FakeChainNode, owner: str = "") -> dict[str, Any]:
    trust = {"owners": [{"address": owner, "numbers": ["+1415555"]}]} if owner else {}
    return {
        "nvs": {"source": "mirror", "rpc": {"url": node.url, "poll": 0.05}},
        "trust": trust,
    }


async def get(server: RunningServer, path: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession(server.http_url) as http, http.get(path) as response:
        return response.status, await response.json()


async def until(server: RunningServer, path: str, status: int) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            found, body = await get(server, path)
            if found == status:
                return body
            await asyncio.sleep(0.02)


async def ask(server: RunningServer, name: str) -> dns.message.Message:
    query = dns.message.make_query(name, "NAPTR")
    return await dns.asyncquery.udp(query, "127.0.0.1", port=server.dns_port, timeout=5)


async def test_follows_the_chain(chain: FakeChain, node: FakeChainNode) -> None:
    owner = chain.new_address()
    chain.name_new(NAME, VALUE, days=1, address=owner)
    chain.mine()
    async with running_server(settings=settings(node, owner)) as server:
        body = await until(server, f"/enum/{NUMBER}", 200)
        assert body["source"] == "mirror"
        assert body["height"] == chain.height
        assert body["trust"]["level"] == "operator"
        assert body["entries"][0]["owner"] == owner
        answer = await ask(server, to_e164_name(NUMBER))
        assert len(answer.answer[0]) == 2
        assert (await ask(server, "5.5.5.5.1.4.1.e164.arpa")).rcode() == dns.rcode.NOERROR
        assert (await ask(server, "9.9.9.e164.arpa")).rcode() == dns.rcode.NXDOMAIN

        ready = await until(server, "/readyz", 200)
        nvs = ready["checks"]["nvs"]
        assert (nvs["source"], nvs["height"], nvs["numbers"]) == ("mirror", chain.height, 1)
        assert nvs["age"] is not None

        chain.name_new("enum:14155550101:0", "E2U+sip=1|1|!^.*$!sip:b@pbx.example!", days=1)
        chain.mine()
        body = await until(server, "/enum/+14155550101", 200)
        assert body["trust"]["level"] == "untrusted"

        chain.mine(176)
        await until(server, f"/enum/{NUMBER}", 404)
        assert (await ask(server, to_e164_name(NUMBER))).rcode() == dns.rcode.NXDOMAIN


async def test_a_node_that_is_away_denies_nothing(chain: FakeChain, node: FakeChainNode) -> None:
    node.refuse_connections()
    async with running_server(settings=settings(node)) as server:
        status, body = await get(server, f"/enum/{NUMBER}")
        assert (status, body["error_code"]) == (503, "NVS_UNAVAILABLE")
        assert (await ask(server, to_e164_name(NUMBER))).rcode() == dns.rcode.SERVFAIL
        status, body = await get(server, "/readyz")
        assert (status, body["status"]) == (503, "not ready")


def run(tmp_path: Path, node: FakeChainNode, *words: str) -> tuple[int, dict[str, Any]]:
    config = tmp_path / "settings.toml"
    config.write_text(
        f'data_dir = "{tmp_path}/data"\n[nvs]\nsource = "mirror"\n[nvs.rpc]\nurl = "{node.url}"\n',
        "utf-8",
    )
    done = CliRunner().invoke(cli, [*words, "--config", str(config), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_sync_and_verify(chain: FakeChain, node: FakeChainNode, tmp_path: Path) -> None:
    chain.name_new(NAME, VALUE)
    chain.mine()
    code, answer = run(tmp_path, node, "sync")
    assert (code, answer["names"], answer["height"]) == (0, 1, chain.height)
    code, answer = run(tmp_path, node, "sync", "--verify")
    assert (code, answer["differences"]) == (0, [])
    code, answer = run(tmp_path, node, "lookup", NUMBER)
    assert (code, answer["source"], answer["height"]) == (0, "mirror", chain.height)
    code, answer = run(tmp_path, node, "explain", NUMBER)
    assert code == 0
    assert "untrusted" in json.dumps(answer["steps"])
    assert answer["record"]["height"] == chain.height
    assert answer["record"]["trust"]["level"] == "untrusted"


def test_sync_says_why_it_cannot(chain: FakeChain, node: FakeChainNode, tmp_path: Path) -> None:
    node.refuse_connections()
    code, answer = run(tmp_path, node, "sync")
    assert (code, answer["error_code"]) == (1, "NVS_UNAVAILABLE")
