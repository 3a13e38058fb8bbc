"""Whether the owner signed, from what the node answers about two transactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from nvs.consent import Consent, Question, consents
from nvs.errors import NvsUnavailable, RpcError
from nvs.testing import FakeChain, Operation
from tests.unit.nvs.mirror_kit import DirectClient
from tests.unit.nvs.test_spends import KEY, SIGNATURE, SPENT, out, p2pkh, p2wpkh, vin

TXID = "aa" * 32
OWNER = p2pkh()
ASKED = Question(TXID, OWNER)
NAMED = {"txid": TXID, "vin": [vin(SIGNATURE, KEY)]}
COIN = {"txid": SPENT.txid, "vout": [out("pubkeyhash", OWNER)]}


class Node:
    """Answers from a table, and counts."""

    def __init__(self, *transactions: Any, **answers: Any) -> None:
        self.answers = {found["txid"]: found for found in transactions} | answers
        self.asked: list[list[str]] = []

    async def fetch(self, txids: Sequence[str]) -> dict[str, Any]:
        self.asked.append(list(txids))
        missing = RpcError(-5, "No such mempool or blockchain transaction")
        return {txid: self.answers.get(txid, missing) for txid in txids}


async def consent(node: Node, asked: Question = ASKED) -> Consent:
    return (await consents(node.fetch, [asked]))[asked]


async def test_signed() -> None:
    node = Node(NAMED, COIN)
    assert await consent(node) is Consent.SIGNED
    assert node.asked == [[TXID], [SPENT.txid]]


async def test_not_signed() -> None:
    node = Node(NAMED, COIN)
    assert await consent(node, Question(TXID, p2wpkh())) is Consent.UNSIGNED
    assert node.asked == [[TXID], []]


@pytest.mark.parametrize(
    "output",
    [
        # The public key is public. Whoever pays a coin to a script that takes anything can show
        # that key, and any signature, when the coin is spent.
        {"n": 3, "scriptPubKey": {"type": "nonstandard", "hex": "6d51"}},
        out("pubkeyhash", p2pkh(b"\x03" * 33)),
        out("multisig", OWNER, p2wpkh()),
        out("witness_unknown", OWNER),
    ],
)
async def test_an_input_that_only_looks_like_the_owners(output: dict[str, Any]) -> None:
    node = Node(NAMED, {"txid": SPENT.txid, "vout": [output]})
    assert await consent(node) is Consent.UNSIGNED


async def test_an_address_of_no_known_form_signs_nothing() -> None:
    assert await consent(Node(NAMED), Question(TXID, "EAlice")) is Consent.UNSIGNED


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (RpcError(-32601, "Method not found"), Consent.UNKNOWN),
        (RpcError(-5, "No such mempool or blockchain transaction"), Consent.UNKNOWN),
        (RpcError(-1, "Block not available"), Consent.UNREAD),
        (RpcError(-8, "parameter 1 must be of length 64"), Consent.UNREAD),
        ("00", Consent.UNREAD),
        (None, Consent.UNREAD),
        ({"txid": "bb" * 32}, Consent.UNREAD),
    ],
)
async def test_nodes_that_cannot_tell(answer: Any, expected: Consent) -> None:
    assert await consent(Node(**{TXID: answer})) is expected
    assert await consent(Node(NAMED, **{SPENT.txid: answer})) is expected


async def test_odd_transactions() -> None:
    assert await consent(Node({"txid": TXID, "vin": None})) is Consent.UNREAD
    assert await consent(Node(NAMED, {"txid": SPENT.txid, "vout": []})) is Consent.UNREAD


async def test_a_node_that_names_no_transaction() -> None:
    node = Node()
    assert await consent(node, Question(None, OWNER)) is Consent.UNKNOWN
    assert node.asked == [[], []]


async def test_many_at_once_ask_for_each_transaction_once() -> None:
    node = Node(NAMED, COIN)
    other, nobody = Question(TXID, p2wpkh()), Question("cc" * 32, OWNER)
    found = await consents(node.fetch, [ASKED, other, nobody, ASKED])
    assert found == {
        ASKED: Consent.SIGNED,
        other: Consent.UNSIGNED,
        nobody: Consent.UNKNOWN,
    }
    assert node.asked == [[TXID, nobody.txid], [SPENT.txid]]


async def test_a_node_that_is_away() -> None:
    async def fetch(_: Sequence[str]) -> dict[str, Any]:
        raise NvsUnavailable("away")

    with pytest.raises(NvsUnavailable):
        await consents(fetch, [ASKED])


def test_what_never_changes() -> None:
    assert [c.name for c in Consent if c.final] == ["SIGNED", "UNSIGNED"]


@pytest.mark.parametrize("form", [{}, {"legacy": True}, {"script": True}])
async def test_transactions_of_the_fake_chain(form: dict[str, bool]) -> None:
    chain = FakeChain()
    client = DirectClient(chain)
    owner, other = chain.new_address(**form), chain.stranger(**form)

    async def found(txid: str, address: str) -> Consent:
        asked = Question(txid, address)
        return (await consents(client.transactions, [asked]))[asked]

    own = chain.name_new("a", "v", address=owner)
    given = chain.name_new("b", "v", address=owner, paid_by=other)
    chain.mine()
    assert await found(own, owner) is Consent.SIGNED
    assert await found(given, owner) is Consent.UNSIGNED
    assert await found(given, other) is Consent.SIGNED
    kept = chain.name_update("b", "v", address=owner, paid_by=other)
    chain.mine()
    assert await found(kept, owner) is Consent.SIGNED  # it spends the name's own output
    both = chain.send(chain.op(Operation.NEW, "c", "v", 5, owner), paid_by=(other, owner))
    assert await found(both, owner) is Consent.SIGNED  # not even in a block yet
    await client.close()
