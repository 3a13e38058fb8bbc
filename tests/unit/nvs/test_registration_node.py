"""Registrations against the fake chain: refusals, signatures, sending, waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from nvs.consent import Consent
from nvs.errors import NvsUnavailable, RpcAuthError, RpcError
from nvs.node_calls import NodeCalls
from nvs.registration import (
    Kind,
    NameState,
    NotConfirmed,
    Operation,
    OutcomeUnknown,
    Pace,
    Registrar,
    RegistrationRefused,
    SigningFailed,
    wait_confirmed,
)
from nvs.rpc import RpcClient
from nvs.testing import FakeChain, FakeChainNode

NAME = "enum:14155551234:0"
NEW = Operation(Kind.NEW, NAME, b"E2U+sip=100|10|!^.*$!sip:a@b!", 30)
UPDATE = replace(NEW, kind=Kind.UPDATE, days=0)
DELETE = Operation(Kind.DELETE, NAME)


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain(height=60)


@pytest.fixture
def node(chain: FakeChain) -> Iterator[FakeChainNode]:
    with FakeChainNode(chain) as node:
        yield node


@pytest.fixture
async def registrar(node: FakeChainNode) -> AsyncIterator[Registrar]:
    async with RpcClient.from_url(node.url, timeout=5.0) as client:
        yield Registrar(client)


class Odd(NodeCalls):
    """Answers whatever a test wants."""

    address = "odd"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    async def call(self, method: str, *_params: Any) -> Any:
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        return answer


SHOWN = {"name": NAME, "value": "76", "address": "E1", "expires_in": 5, "expires_at": 99}


async def test_a_whole_life(chain: FakeChain, registrar: Registrar) -> None:
    before = await registrar.check(NEW)
    assert (before.live, before.address, before.expires_in) == (False, "", 0)
    txid = await registrar.submit(NEW)
    chain.mine()
    state = await registrar.check(UPDATE)
    assert (state.txid, state.expires_in) == (txid, 30 * 175)
    await registrar.submit(replace(UPDATE, address=state.address))
    chain.mine()
    assert (await registrar.state(NAME)).address == state.address
    assert await registrar.submit(DELETE)
    chain.mine()
    assert not (await registrar.state(NAME)).live
    assert (await registrar.check(NEW)).info is not None


async def test_who_signed(chain: FakeChain, registrar: Registrar) -> None:
    owner = chain.new_address()
    chain.name_new(NAME, "v", address=owner, paid_by=chain.stranger())
    chain.mine()
    assert await registrar.consent(await registrar.state(NAME)) is Consent.UNSIGNED
    chain.name_update(NAME, "v", address=owner)
    chain.mine()
    state = await registrar.state(NAME)
    assert await registrar.consent(state) is Consent.SIGNED
    assert await registrar.consent(NameState()) is Consent.UNKNOWN
    away = Registrar(Odd(getrawtransaction=NvsUnavailable("away")))
    assert await away.consent(state) is Consent.UNREAD


async def test_refusals(chain: FakeChain, registrar: Registrar) -> None:
    with pytest.raises(RegistrationRefused, match="is not active"):
        await registrar.check(UPDATE)
    chain.name_new(NAME, "v")
    with pytest.raises(RegistrationRefused, match=r"pending already: name_new [0-9a-f]{64}"):
        await registrar.check(NEW)
    chain.mine()
    with pytest.raises(RegistrationRefused, match=r"owned by .*; an update changes it"):
        await registrar.check(NEW)
    chain.mine(365 * 175 + 1)
    with pytest.raises(RegistrationRefused, match="is not active"):
        await registrar.check(DELETE)


async def test_an_owner_that_has_no_address() -> None:
    odd = Registrar(Odd(name_show={**SHOWN, "address": None}))
    with pytest.raises(RegistrationRefused, match="an unknown address"):
        await odd.check(NEW)


async def test_the_node_refuses_in_its_own_words(chain: FakeChain, registrar: Registrar) -> None:
    with pytest.raises(RpcError, match="name_update on an inactive name"):
        await registrar.submit(UPDATE)
    chain.has_wallet = False
    with pytest.raises(RpcError, match="wallet method is disabled"):
        await registrar.check(NEW)


async def test_a_hostile_name_in_the_mempool_stops_nobody(
    chain: FakeChain, registrar: Registrar
) -> None:
    chain.name_new(b"\xff\xfe", "v")
    (note,) = (await registrar.check(NEW)).notes
    assert "pending operations could not be read" in note
    assert await registrar.submit(NEW)


async def test_a_mempool_that_cannot_be_read_is_only_a_note() -> None:
    trouble = NvsUnavailable("no JSON")
    state = await Registrar(Odd(name_show=SHOWN, name_mempool=trouble)).check(UPDATE)
    assert (state.live, state.txid) == (True, "")
    assert state.notes == ("pending operations could not be read (no JSON)",)
    with pytest.raises(RpcAuthError):
        await Registrar(Odd(name_show=SHOWN, name_mempool=RpcAuthError("no"))).check(UPDATE)


@pytest.mark.parametrize("answer", [{}, ["x", {"name": "other"}]])
async def test_odd_mempools(answer: Any) -> None:
    assert await Registrar(Odd(name_mempool=answer)).pending(NAME) == ()


async def test_indexes(chain: FakeChain, registrar: Registrar) -> None:
    assert await registrar.live_indexes("+14155551234") == 0
    for index in (0, 1, 3):
        chain.name_new(f"enum:14155551234:{index}", "v")
    chain.mine()
    assert await registrar.live_indexes("+14155551234") == 2
    assert await registrar.live_indexes("+14155551234", 1) == 1


async def test_signing(chain: FakeChain, registrar: Registrar) -> None:
    address = chain.new_address(legacy=True)
    chain.name_new("ver:x", "v", address=address)
    chain.mine()
    claim = await registrar.sign("ver:x", NAME)
    assert claim == f"ver:x|{chain.sign(address, NAME)}"


async def test_what_cannot_be_signed(chain: FakeChain, registrar: Registrar) -> None:
    with pytest.raises(SigningFailed, match="no verifier's name"):
        await registrar.sign("enum", NAME)
    with pytest.raises(SigningFailed, match="no such active record"):
        await registrar.sign("ver:x", NAME)
    chain.name_new("ver:x", "v", address=FakeChain(seed=7).new_address())
    chain.mine()
    with pytest.raises(SigningFailed, match=r"wallet cannot sign .*: Private key not available"):
        await registrar.sign("ver:x", NAME)


@pytest.mark.parametrize("signature", [None, "AAAA", "?", "\xe9"])
async def test_odd_signatures(signature: Any) -> None:
    odd = Odd(name_show={**SHOWN, "name": "ver:x"}, signmessage=signature)
    with pytest.raises(SigningFailed, match="no message signature"):
        await Registrar(odd).sign("ver:x", NAME)


async def test_sent_and_no_answer() -> None:
    with pytest.raises(OutcomeUnknown, match="before you repeat it"):
        await Registrar(Odd(name_new=NvsUnavailable("gone"))).submit(NEW)
    with pytest.raises(OutcomeUnknown, match="no transaction id"):
        await Registrar(Odd(name_new="x")).submit(NEW)
    with pytest.raises(RpcAuthError):
        await Registrar(Odd(name_new=RpcAuthError("no"))).submit(NEW)


# Waiting


class Steps:
    """A clock that only sleeping moves; each step may do something to the chain."""

    def __init__(self, *steps: Any) -> None:
        self.now = 0.0
        self.steps = list(steps)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.steps:
            self.steps.pop(0)()

    def pace(self, timeout: float = 20.0) -> Pace:
        return Pace(timeout, 5.0, lambda: self.now, self.sleep)


async def test_waiting(chain: FakeChain, registrar: Registrar) -> None:
    seen: list[tuple[float, str]] = []
    txid = await registrar.submit(NEW)
    confirmed = await wait_confirmed(
        registrar,
        NEW,
        txid,
        NameState(),
        pace=Steps(lambda: None, chain.mine).pace(),
        on_progress=lambda waited, why: seen.append((waited, why)),
    )
    assert confirmed.txid == txid
    assert confirmed.expires_at == 61 + 30 * 175
    assert confirmed.address
    assert seen == [(0.0, ""), (5.0, "")]
    before = await registrar.state(NAME)
    txid = await registrar.submit(DELETE)
    gone = await wait_confirmed(registrar, DELETE, txid, before, pace=Steps(chain.mine).pace())
    assert (gone.address, gone.expires_at) == ("", 0)


async def test_a_confirmed_operation_needs_no_pace(chain: FakeChain, registrar: Registrar) -> None:
    txid = await registrar.submit(NEW)
    chain.mine()
    assert (await wait_confirmed(registrar, NEW, txid, NameState())).txid == txid


async def test_time_is_up(node: FakeChainNode, registrar: Registrar) -> None:
    with pytest.raises(NotConfirmed, match="no block has it after 20 s") as caught:
        await wait_confirmed(registrar, NEW, "ab", NameState(), pace=Steps().pace())
    assert (caught.value.txid, caught.value.error_code) == ("ab", "WAIT_TIMEOUT")
    node.refuse_connections()
    with pytest.raises(NotConfirmed, match=r"\(Emercoin node .*refused"):
        await wait_confirmed(registrar, NEW, "ab", NameState(), pace=Steps().pace(6.0))


async def test_somebody_else_was_quicker(chain: FakeChain, registrar: Registrar) -> None:
    chain.name_new(NAME, "v")
    chain.mine()
    with pytest.raises(NotConfirmed, match="another operation came first"):
        await wait_confirmed(registrar, NEW, "ab", NameState(), pace=Steps().pace())


async def test_a_node_that_refuses_us_ends_the_wait() -> None:
    odd = Registrar(Odd(name_show=RpcAuthError("no")))
    with pytest.raises(RpcAuthError):
        await wait_confirmed(odd, NEW, "ab", NameState(), pace=Steps().pace())
