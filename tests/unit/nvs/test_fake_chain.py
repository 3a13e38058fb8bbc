"""Which operations count on the fake chain."""

from __future__ import annotations

import pytest

from nvs.testing import FakeChain, Operation

NAME = "enum:14155551234:0"
KEY = NAME.encode()


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


def test_a_name_is_visible_after_one_block(chain) -> None:
    txid = chain.name_new(NAME, "a", days=365)
    assert chain.find(NAME) is None
    assert chain.mempool() == [txid]
    (block_hash,) = chain.mine()
    found = chain.find(NAME)
    assert (found.txid, found.height, found.registered_at) == (txid, 41, 41)
    assert found.expires_at == 41 + 175 * 365 == 63916
    assert found.address.startswith("emrt1q")
    assert chain.mempool() == []
    assert block_hash == chain.best_hash() == chain.block_hash(41)


def test_renewal_adds_days_and_a_change_of_value_adds_none(chain) -> None:
    chain.name_new(NAME, "a", days=365)
    chain.mine()
    chain.name_update(NAME, "b")
    chain.mine()
    assert (expiry(chain), value(chain)) == (63916, b"b")
    chain.name_update(NAME, "c", 10)
    chain.mine(3)
    assert expiry(chain) == 65666
    assert chain.find(NAME).registered_at == 41
    assert chain.find(NAME).height == 43


def test_an_update_moves_the_name_unless_told_otherwise(chain) -> None:
    home = chain.new_address(legacy=True)
    chain.name_new(NAME, "a", address=home)
    chain.mine()
    chain.name_update(NAME, "b", address=home)
    chain.mine()
    assert chain.find(NAME).address == home
    chain.name_update(NAME, "c")
    chain.mine()
    assert chain.find(NAME).address != home


def test_a_name_lives_up_to_and_at_its_last_height(chain) -> None:
    chain.name_new(NAME, "a", days=1)
    chain.mine()  # 41, until 216
    chain.mine(216 - 42)
    assert chain.height == 215
    chain.name_new(NAME, "thief", days=1)
    chain.mine()
    assert (chain.height, value(chain)) == (216, b"a")
    assert KEY in chain.live("enum:")
    chain.mine()
    assert KEY not in chain.live()
    assert chain.snapshot()[KEY].value == b"a"
    chain.name_update(NAME, "late", 1)
    chain.name_delete(NAME)
    chain.mine()
    assert value(chain) == b"a"
    chain.name_new(NAME, "b", days=1)
    chain.mine()
    assert (value(chain), expiry(chain)) == (b"b", chain.height + 175)


def test_a_deleted_name_may_be_registered_in_the_next_block(chain) -> None:
    chain.name_new(NAME, "v1", 5)
    chain.mine()
    chain.name_delete(NAME)
    chain.mine()
    found = chain.find(NAME)
    assert (found.deleted, found.value, found.expires_at) == (True, b"", 0)
    assert chain.live() == {}
    chain.name_new(NAME, "v2", 5)
    chain.mine()
    assert (value(chain), expiry(chain)) == (b"v2", chain.height + 875)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Operation.NEW, {}),  # nobody else's
        (Operation.UPDATE, {"forged": True}),
        (Operation.DELETE, {"forged": True}),
        (Operation.UPDATE, {"value": b""}),
        (Operation.UPDATE, {"value": b"v" * 20481}),
        (Operation.UPDATE, {"days": -1}),
        (Operation.UPDATE, {"days": 366_000_001}),
        (Operation.UPDATE, {"name": b"nobody's"}),
        (Operation.DELETE, {"name": b"nobody's"}),
        (Operation.NEW, {"name": b"x" * 513}),
        (Operation.NEW, {"name": b"new", "days": 0}),
        (Operation.NEW, {"name": b"new", "value": b""}),
    ],
)
def test_unsound_operations_are_in_the_block_and_change_nothing(chain, kind, changes) -> None:
    chain.name_new(NAME, "a")
    chain.mine()
    before = chain.snapshot()
    shape = {"name": NAME, "value": b"b", "days": 1} | changes
    txid = chain.send(chain.op(kind, **shape))
    chain.mine()
    assert txid in [t.txid for t in chain.tree.tip.make()]
    assert chain.snapshot() == before


def test_the_largest_name_and_value_and_the_longest_rental_count(chain) -> None:
    chain.name_new(b"\xff" * 512, b"\x00" * 20480, 366_000_000)
    chain.name_new("", "empty name")
    chain.mine()
    assert expiry(chain, "") == 41 + 175 * 365
    assert chain.find(b"\xff" * 512).expires_at == 2**31 - 1


def test_one_block_is_checked_against_the_state_before_it(chain) -> None:
    chain.name_new(NAME, "first")
    chain.name_new(NAME, "second")
    chain.name_update(NAME, "too early")
    chain.mine()
    assert value(chain) == b"first"
    chain.name_update(NAME, "b", 1)
    chain.name_update(NAME, "c", 2)
    chain.mine()
    assert (value(chain), expiry(chain)) == (b"c", 41 + 175 * 368)
    chain.name_delete(NAME)
    chain.name_new(NAME, "too early")
    chain.mine()
    assert chain.find(NAME).deleted


def test_several_names_in_one_transaction(chain) -> None:
    chain.name_new("old", "o", 5)
    chain.mine()
    txid = chain.send(
        chain.op(Operation.NEW, "many:a", "va", 5),
        chain.op(Operation.NEW, "many:b", "vb", 5),
        chain.op(Operation.DELETE, "old"),
    )
    chain.mine()
    assert [(n.txid, n.vout) for n in chain.snapshot("many:").values()] == [(txid, 1), (txid, 2)]
    assert chain.find("old").deleted


# Bulk --------------------------------------------------------------------------------------


def test_names_loaded_in_bulk_behave_like_others(chain) -> None:
    home = chain.new_address()
    names = [(b"enum:1415555%04d:0" % i, b"v%d" % i, 30, home) for i in range(25)]
    assert chain.load(names, per_block=10) == 25
    assert chain.height == 43
    found = chain.find("enum:14155550012:0")
    assert (found.value, found.address, found.height) == (b"v12", home, 42)
    assert found.expires_at == 42 + 5250
    assert found.txid in [t.txid for t in chain.tree.at(42).make()]
    chain.name_update("enum:14155550012:0", "other", 1, address=home)
    chain.mine()
    assert value(chain, "enum:14155550012:0") == b"other"
    assert expiry(chain, "enum:14155550012:0") == 42 + 175 * 31
    assert len(chain.snapshot()) == len(chain.snapshot("enum:1415555001")) + 15 == 25
    assert chain.snapshot("enum:1415555002").keys() == {n[0] for n in names[20:]}
    chain.invalidate()
    assert value(chain, "enum:14155550012:0") == b"v12"
    with pytest.raises(ValueError, match="1 blocks"):
        chain.invalidate()


def test_a_name_may_come_once_in_a_load(chain) -> None:
    home = chain.new_address()
    with pytest.raises(ValueError, match="twice"):
        chain.load([(b"a", b"v", 1, home), (b"a", b"w", 1, home)])


def test_an_address_of_another_network_is_refused(chain) -> None:
    for address in ("em1qqqq", FakeChain(height=0, network="main").new_address(), "", "E0l"):
        with pytest.raises(ValueError, match="not a regtest address"):
            chain.name_new(NAME, "a", address=address)
