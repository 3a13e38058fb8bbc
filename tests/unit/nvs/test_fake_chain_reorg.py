"""What a reorganisation of the fake chain does to names."""

from __future__ import annotations

import random

import pytest

from nvs.testing import FakeChain
from nvs.testing.name_index import NameIndex

NAME = "enum:14155551234:0"


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain(height=40)


def expiry(chain: FakeChain, name: str = NAME) -> int:
    found = chain.find(name)
    assert found is not None
    return found.expires_at


def value(chain: FakeChain, name: str = NAME) -> bytes:
    found = chain.find(name)
    assert found is not None
    return found.value


def test_disconnecting_takes_back_the_last_operation(chain) -> None:
    chain.name_new(NAME, "v1", 30)
    chain.mine()
    chain.name_update(NAME, "v2", 1)
    chain.mine()
    tip = chain.best_hash()
    assert chain.invalidate() == [tip]
    assert (chain.height, value(chain), expiry(chain)) == (41, b"v1", 41 + 5250)
    assert len(chain.mempool()) == 1
    chain.invalidate()
    assert chain.find(NAME).orphaned
    assert chain.snapshot() == chain.live() == {}
    assert len(chain.mempool()) == 2
    chain.mine()  # both in one block: the update comes too early there
    assert value(chain) == b"v1"


def test_reconsidering_brings_the_same_blocks_back(chain) -> None:
    chain.name_new(NAME, "v1", 30)
    (first,) = chain.mine()
    chain.name_update(NAME, "v2", 1)
    (second,) = chain.mine()
    before = chain.snapshot()
    chain.invalidate(2)
    assert chain.reconsider() == [first, second]
    assert (chain.best_hash(), chain.snapshot(), chain.mempool()) == (second, before, [])
    chain.invalidate(1)
    chain.mine(3)
    chain.reconsider()
    assert (chain.best_hash(), chain.height) == (second, 42)


def test_reconsidering_needs_blocks_that_fit(chain) -> None:
    with pytest.raises(ValueError, match="no blocks"):
        chain.reconsider()
    chain.invalidate(0)
    with pytest.raises(ValueError, match="no blocks"):
        chain.reconsider()


def test_a_competing_branch_with_other_operations(chain) -> None:
    chain.name_new(NAME, "mine", 30)
    old = chain.mine(2)
    new = chain.reorg(2, change=lambda c: c.name_new(NAME, "theirs", 30))
    assert len(new) == 3
    assert not set(new) & set(old)
    assert (chain.height, value(chain), chain.mempool()) == (43, b"theirs", [])
    chain.reorg(3, 4, keep=True)
    assert (chain.height, value(chain)) == (44, b"theirs")
    chain.reorg(4, 0)
    assert (chain.height, chain.find(NAME).orphaned) == (40, True)


def test_a_re_registration_taken_back_shows_the_expired_name(chain) -> None:
    chain.name_new(NAME, "old", 1)
    chain.mine()
    chain.mine(176)
    chain.name_new(NAME, "new", 1)
    chain.mine()
    chain.reorg(1)
    assert (value(chain), expiry(chain)) == (b"old", 216)


def test_the_chain_ends_below(chain) -> None:
    with pytest.raises(ValueError, match="41 blocks"):
        chain.invalidate(41)
    with pytest.raises(IndexError):
        chain.block_hash(-1)
    with pytest.raises(IndexError):
        chain.block_hash(41)


def test_the_same_calls_make_the_same_chain() -> None:
    def made(seed: int) -> str:
        chain = FakeChain(height=3, seed=seed)
        chain.name_new(NAME, "a")
        chain.pay()
        chain.reorg(1)
        return chain.best_hash()

    assert made(0) == made(0) != made(1)


def test_updates_spend_the_names_last_output(chain) -> None:
    first = chain.name_new(NAME, "a")
    second = chain.name_update(NAME, "b")
    chain.mine()
    third = chain.name_update(NAME, "c")
    other = chain.name_update("nobody's", "x")
    chain.mine()
    spent = {t.txid: [i.txid for i in t.inputs] for t in chain.tree.tip.make()}
    assert spent[third][0] == first  # the second came too early to count
    assert len(spent[other]) == 1
    assert first in [i.txid for t in chain.tree.at(41).make() if t.txid == second for i in t.inputs]


@pytest.mark.parametrize("seed", range(25))
def test_after_any_history_the_names_are_those_of_the_active_blocks(seed) -> None:
    dice = random.Random(seed)
    chain = FakeChain(height=5, seed=seed)

    def act(chain: FakeChain) -> None:
        name = dice.choice("abc")
        dice.choice(
            (
                lambda: chain.name_new(name, b"%d" % dice.getrandbits(16), 1),
                lambda: chain.name_update(name, b"u", dice.randrange(2)),
                lambda: chain.name_update(name, b"f", forged=True),
                lambda: chain.name_delete(name),
            )
        )()

    for _ in range(60):
        step = dice.randrange(12)
        if step < 6:
            act(chain)
        elif step < 9:
            chain.mine(dice.choice((1, 1, 1, 90, 180)))
        elif step < 11:
            chain.reorg(dice.randrange(min(30, chain.height)), keep=dice.random() < 0.5, change=act)
        else:
            chain.invalidate(1 + dice.randrange(min(3, chain.height)))
            if dice.random() < 0.5:
                chain.reconsider()
        replayed = NameIndex()
        for height in range(chain.height + 1):
            replayed.connect(height, chain.tree.at(height).make())
        assert dict(replayed.names()) == dict(chain.tree.names.names())
        assert len({chain.block_hash(h) for h in range(chain.height + 1)}) == chain.height + 1
