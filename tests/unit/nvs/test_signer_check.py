"""Asking a live node about signers: once, together, and not for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from nvs.consent import Consent
from nvs.errors import NvsUnavailable, RpcError
from nvs.node_calls import NodeCalls
from nvs.number_record import Entry
from nvs.signer_check import MAX_CHECKS, SignerCheck, SignerSource, with_consent
from nvs.sources import FileSource, MemorySource, RpcSource
from nvs.testing import FakeChain
from tests.unit.nvs.mirror_kit import DirectClient
from tests.unit.nvs.transaction_kit import KEY, SIGNATURE, SPENT, out, p2pkh, vin

NAME = "enum:14155551234:0"
TXID = "aa" * 32
ENTRY = Entry(NAME, b"v", p2pkh(), 10, txid=TXID)


class Node(NodeCalls):
    """Answers from a table once it is let; `name_show` as it stands."""

    address = "fake.example"

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            TXID: {"txid": TXID, "vin": [vin(SIGNATURE, KEY)]},
            SPENT.txid: {"txid": SPENT.txid, "vout": [out("pubkeyhash", p2pkh())]},
        }
        self.txid = TXID
        self.calls: list[str] = []
        self.go = asyncio.Event()
        self.go.set()

    async def call(self, method: str, *params: Any) -> Any:
        self.calls.append(method)
        await self.go.wait()
        if method == "name_show":
            shown = {"name": NAME, "value": "", "expires_in": 1, "expires_at": 2}
            return shown | {"txid": self.txid}
        answer = self.answers[params[0]]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def asked(self) -> int:
        return self.calls.count("getrawtransaction")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def check(node: Node, clock: Clock) -> AsyncIterator[SignerCheck]:
    check = SignerCheck(node, seconds=0.05, clock=clock)
    yield check
    node.go.set()
    await check.settle()


async def test_what_is_final_is_asked_once(node: Node, check: SignerCheck, clock: Clock) -> None:
    assert await check.consent(ENTRY) is Consent.SIGNED
    clock.now += 1e9
    assert await check.consent(ENTRY) is Consent.SIGNED
    assert node.calls == ["getrawtransaction"] * 2


async def test_another_transaction_or_owner_is_another_question(
    node: Node, check: SignerCheck
) -> None:
    await check.consent(ENTRY)
    assert await check.consent(replace(ENTRY, address=p2pkh(SIGNATURE))) is Consent.UNSIGNED
    assert await check.consent(replace(ENTRY, address=None)) is Consent.UNSIGNED
    node.answers["bb" * 32] = {"txid": "bb" * 32, "vin": []}
    assert await check.consent(replace(ENTRY, txid="bb" * 32)) is Consent.UNSIGNED


async def test_askers_at_the_same_time_share_one_answer(node: Node, check: SignerCheck) -> None:
    node.go.clear()
    first, second = (asyncio.create_task(check.consent(ENTRY)) for _ in range(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    node.go.set()
    assert await second is Consent.SIGNED
    assert node.asked == 2
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.parametrize(
    ("failure", "consent", "seconds"),
    [
        (RpcError(-32601, "Method not found"), Consent.UNKNOWN, 60.0),
        (RpcError(-5, "No such mempool or blockchain transaction"), Consent.UNKNOWN, 60.0),
        (RpcError(-1, "Block not available"), Consent.UNREAD, 10.0),
        (NvsUnavailable("away"), Consent.UNREAD, 10.0),
    ],
)
async def test_what_was_not_told_is_asked_again_later(
    node: Node,
    check: SignerCheck,
    clock: Clock,
    failure: Exception,
    consent: Consent,
    seconds: float,
) -> None:
    told = node.answers[TXID]
    node.answers[TXID] = failure
    assert await check.consent(ENTRY) is consent
    node.answers[TXID] = told
    clock.now += seconds - 0.1
    assert await check.consent(ENTRY) is consent
    clock.now += 0.2
    assert await check.consent(ENTRY) is Consent.SIGNED


async def test_a_node_that_takes_too_long(node: Node, check: SignerCheck) -> None:
    node.go.clear()
    assert await check.consent(ENTRY) is Consent.UNREAD


@pytest.mark.parametrize("now", ["bb" * 32, ""])
async def test_a_transaction_that_went_with_its_block(
    node: Node, check: SignerCheck, now: str
) -> None:
    """It was another branch's: the name of now may be anybody's."""
    node.answers[TXID] = RpcError(-5, "No such mempool or blockchain transaction")
    node.txid = now
    assert await check.consent(ENTRY) is Consent.UNREAD


async def test_too_many_names_of_one_number(node: Node, check: SignerCheck) -> None:
    entries = [replace(ENTRY, name=f"enum:14155551234:{i}") for i in range(MAX_CHECKS + 2)]
    found = await with_consent(check, entries)
    told = [found[entry.name].consent for entry in entries]
    assert told == [Consent.SIGNED] * MAX_CHECKS + [Consent.UNREAD] * 2
    assert node.asked == 2


async def test_which_sources_can_tell(tmp_path: Any) -> None:
    client = DirectClient(FakeChain())
    source = RpcSource(client)
    assert isinstance(source, SignerSource)
    await source.close()
    assert not isinstance(MemorySource(), SignerSource)
    (tmp_path / "r.json").write_text("{}")
    assert not isinstance(FileSource(tmp_path / "r.json"), SignerSource)
