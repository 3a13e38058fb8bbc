"""Who signed, in the mirror: settings that change, older files, nodes that cannot tell yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from nvs.consent import Consent
from nvs.errors import NvsUnavailable, RpcError
from nvs.mirror import Mirror, Stored
from nvs.mirror.layout import INFO, LAYOUT, Info
from nvs.mirror.reading import MAX_UNREADABLE
from nvs.mirror.tables import Tables
from nvs.testing import FakeChain
from tests.unit.nvs.mirror_kit import DirectClient, dump, kept, tables

OWN, GIVEN, OTHER = "enum:14155551230:0", "enum:14155551231:0", "enum:14155551232:0"


class Node(DirectClient):
    """Can be made to fail: every `getrawtransaction`, and `name_show` of some names.

    `most`: transactions that one answer can hold.
    """

    def __init__(self, chain: FakeChain) -> None:
        super().__init__(chain)
        self.failure: RpcError | None = None
        self.unreadable: set[str] = set()
        self.asked = 0
        self.most = 1000

    async def call_each(
        self, calls: Sequence[Sequence[Any]], *, wait: float | None = None
    ) -> list[Any]:
        if len(calls) > self.most and calls[0][0] == "getrawtransaction":
            raise NvsUnavailable("the answer is too long")
        answers = await super().call_each(calls, wait=wait)
        return [self._answer(*pair) for pair in zip(calls, answers, strict=True)]

    def _answer(self, call: Sequence[Any], answer: Any) -> Any:
        if call[0] == "name_show" and call[1] in self.unreadable:
            return RpcError(-4, "failed to decode name")
        if call[0] == "getrawtransaction":
            self.asked += 1
            return self.failure or answer
        return answer


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain(height=20)


@pytest.fixture
def owner(chain: FakeChain) -> str:
    """Owns two names; one of them somebody else gave to it. A third one is a stranger's."""
    owner, stranger = chain.new_address(), chain.stranger()
    chain.name_new(OWN, "own", address=owner)
    chain.name_new(GIVEN, "given", address=owner, paid_by=stranger)
    chain.name_new(OTHER, "other", address=stranger)
    chain.mine()
    return owner


@pytest.fixture
def node(chain: FakeChain) -> Node:
    return Node(chain)


@pytest.fixture
def opened(node: Node, tmp_path: Path) -> Callable[..., Mirror]:
    return lambda *signers: Mirror(tmp_path / "m", node, signers=signers)


def consents(mirror: Mirror) -> list[str]:
    """Of the owner's names, and the stranger's."""
    found = kept(mirror)
    return [found[name].consent.name for name in (OWN, GIVEN, OTHER)]


async def left_to_read(mirror: Mirror) -> int:
    with tables(mirror) as found:
        return found.count("todo")


# What is asked ------------------------------------------------------------------------------


async def test_only_listed_owners_names_are_asked_about(
    node: Node, opened: Callable[..., Mirror], owner: str
) -> None:
    async with opened() as mirror:
        await mirror.sync()
        assert consents(mirror) == ["NOT_ASKED"] * 3
        assert node.asked == 0
    async with opened(owner) as mirror:
        await mirror.sync()
        assert consents(mirror) == ["SIGNED", "UNSIGNED", "NOT_ASKED"]
        reader = mirror.reader()
        assert (await reader.read("14155551230")).entries[0].consent is Consent.SIGNED
        given = await reader.entry(GIVEN)
        assert given is not None
        assert given.consent is Consent.UNSIGNED
        assert dump(mirror, ("retry", "todo")) == {"retry": [], "todo": []}
        assert [difference async for difference in mirror.verify()] == []
    asked = node.asked
    async with opened(owner) as mirror:  # known for good
        await mirror.sync()
        assert await left_to_read(mirror) == 0
    assert node.asked == asked


async def test_a_newly_listed_owner_is_not_believed_before_the_node_was_asked(
    opened: Callable[..., Mirror], owner: str
) -> None:
    async with opened() as mirror:
        await mirror.sync()
    async with opened(owner) as mirror:
        assert consents(mirror) == ["UNREAD", "UNREAD", "NOT_ASKED"]
        assert await left_to_read(mirror) == 2
    async with opened(owner) as mirror:
        assert await left_to_read(mirror) == 2
        await mirror.sync()
        assert consents(mirror) == ["SIGNED", "UNSIGNED", "NOT_ASKED"]


async def test_an_owner_who_is_listed_no_more(opened: Callable[..., Mirror], owner: str) -> None:
    async with opened(owner) as mirror:
        await mirror.sync()
    async with opened() as mirror:
        assert consents(mirror) == ["NOT_ASKED"] * 3
        assert [difference async for difference in mirror.verify()] == []


async def test_registrations_stay_known(opened: Callable[..., Mirror], owner: str) -> None:
    async with opened() as mirror:
        await mirror.sync()
        before = {name: stored.registered_at for name, stored in kept(mirror).items()}
    async with opened(owner) as mirror:
        await mirror.sync()
        assert {name: s.registered_at for name, s in kept(mirror).items()} == before


async def test_nothing_is_lost_before_the_first_sync(
    opened: Callable[..., Mirror], owner: str
) -> None:
    async with opened(owner) as mirror:
        assert kept(mirror) == {}
    async with opened(owner) as mirror:
        await mirror.sync()
        assert consents(mirror) == ["SIGNED", "UNSIGNED", "NOT_ASKED"]


async def test_two_addresses_of_one_key_in_the_index(
    opened: Callable[..., Mirror], owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index holds 8 octets of a digest; the address itself decides."""
    monkeypatch.setattr("nvs.mirror.entries.owner_key", lambda _: bytes(8))
    monkeypatch.setattr("nvs.mirror.commits.owner_key", lambda _: bytes(8))
    async with opened() as mirror:
        await mirror.sync()
    async with opened(owner) as mirror:
        assert consents(mirror) == ["UNREAD", "UNREAD", "NOT_ASKED"]


# Nodes that cannot tell ---------------------------------------------------------------------


async def test_a_node_that_has_no_such_call_is_asked_again_at_each_start(
    node: Node, opened: Callable[..., Mirror], owner: str
) -> None:
    node.failure = RpcError(-32601, "Method not found")
    async with opened(owner) as mirror:
        await mirror.sync()
        assert consents(mirror) == ["UNKNOWN", "UNKNOWN", "NOT_ASKED"]
    node.failure = None
    async with opened(owner) as mirror:
        assert consents(mirror) == ["UNKNOWN", "UNKNOWN", "NOT_ASKED"]
        await mirror.sync()
        assert consents(mirror) == ["SIGNED", "UNSIGNED", "NOT_ASKED"]


async def test_what_could_not_be_read_is_tried_again_with_the_next_block(
    chain: FakeChain, node: Node, opened: Callable[..., Mirror], owner: str
) -> None:
    node.failure = RpcError(-1, "Block not available")
    async with opened(owner) as mirror:
        await mirror.sync()
        assert consents(mirror) == ["UNREAD", "UNREAD", "NOT_ASKED"]
        node.failure = None
        chain.mine()
        await mirror.sync()
        assert consents(mirror) == ["SIGNED", "UNSIGNED", "NOT_ASKED"]
        assert dump(mirror, ("retry",)) == {"retry": []}


async def test_many_unread_signers_are_not_unreadable_names(
    chain: FakeChain, node: Node, opened: Callable[..., Mirror], owner: str
) -> None:
    """A node that cannot tell about one name is not in trouble because signers are missing."""
    for number in range(MAX_UNREADABLE + 5):
        chain.name_new(f"enum:1416555{number:04}:0", "x", address=owner)
    chain.mine()
    node.failure = RpcError(-1, "Block not available")
    async with opened(owner) as mirror:
        await mirror.sync()
        with tables(mirror) as found:
            assert found.count("retry") > MAX_UNREADABLE
        node.unreadable = {OTHER}
        chain.name_update(OTHER, "new")
        chain.mine()
        await mirror.sync()
        assert not kept(mirror)[OTHER].readable
        node.unreadable = set()
        node.failure = None
        for _ in range(3):
            chain.mine()
            await mirror.sync()
        assert kept(mirror)[OTHER].value == b"new"
        assert dump(mirror, ("retry",)) == {"retry": []}


async def test_transactions_too_long_for_one_answer_are_asked_one_by_one(
    node: Node, opened: Callable[..., Mirror], owner: str
) -> None:
    node.most = 1
    async with opened(owner) as mirror:
        await mirror.sync()
        assert consents(mirror) == ["SIGNED", "UNSIGNED", "NOT_ASKED"]
    async with opened():
        pass
    node.most = 0
    async with opened(owner) as mirror:
        with pytest.raises(NvsUnavailable, match="too long"):
            await mirror.sync()


async def test_a_node_that_goes_away_in_between(
    chain: FakeChain, node: Node, opened: Callable[..., Mirror], owner: str
) -> None:
    async with opened(owner) as mirror:
        await mirror.sync()
        chain.name_update(OWN, "newer", address=owner)
        chain.mine()
        chain.before_call("getrawtransaction", lambda: node.fuse.light(0, _away))
        with pytest.raises(NvsUnavailable):
            await mirror.sync()
        assert kept(mirror)[OWN].value == b"own"
        await mirror.sync()
        assert kept(mirror)[OWN].value == b"newer"
        assert consents(mirror)[0] == "SIGNED"


def _away() -> NvsUnavailable:
    return NvsUnavailable("the node is away")


# Files -------------------------------------------------------------------------------------


async def test_files_of_the_first_layout_are_taken_over(
    opened: Callable[..., Mirror], owner: str
) -> None:
    async with opened() as mirror:
        await mirror.sync()
        names = dump(mirror, ("names",))

        def age(found: Tables) -> None:
            info = json.loads(found.get("meta", INFO) or b"")
            found.put("meta", INFO, json.dumps(info | {"layout": 1}).encode())
            found.delete("meta", b"signers")

        mirror._store.write(age)
    async with opened() as mirror:
        with tables(mirror) as found:
            assert (found.info() or Info("")).layout == LAYOUT == 2
            assert found.signers() == frozenset()
        assert dump(mirror, ("names",)) == names
    async with opened(owner) as mirror:
        await mirror.sync()
        assert consents(mirror) == ["SIGNED", "UNSIGNED", "NOT_ASKED"]


@pytest.mark.parametrize("consent", Consent)
@pytest.mark.parametrize("readable", [True, False])
def test_packed_names(consent: Consent, readable: bool) -> None:
    stored = Stored(b"v", "EAlice", 7, 3, readable, consent)
    assert Stored.unpack(stored.pack()) == stored


def test_names_as_the_first_layout_packed_them() -> None:
    head = (7).to_bytes(4, "big") + (3).to_bytes(4, "big")
    assert Stored.unpack(head + b"\0\1Ev") == Stored(b"v", "E", 7, 3)
    assert Stored.unpack(head + b"\1\1Ev") == Stored(b"v", "E", 7, 3, readable=False)
