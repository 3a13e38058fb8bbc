"""Parts of long messages: joined in any order, released when some never come."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from enum_backend.messaging import parts
from enum_backend.messaging.parts import KEEP_MS
from enum_backend.storage import Sealer
from enum_backend.storage.tables import inbox_parts
from tests.unit.messaging.inbound_world import NOW, OURS, InboundWorld, part, sms
from tests.unit.messaging.messaging_world import World

TIMEOUT_MS = 1_800_000


@pytest.fixture
def box(world: World) -> InboundWorld:
    world.gateway("office")
    world.gateway("home")
    return InboundWorld(world)


async def release(box: InboundWorld, now: int) -> list[Any]:
    made = box.intake
    return await box.database.write(lambda c: made.release(c, box.world.registry, now))


async def texts(box: InboundWorld) -> list[str]:
    return [box.text(row) for row in await box.rows()]


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
async def test_any_order_makes_one_message(box: InboundWorld, order: tuple[int, ...]) -> None:
    await box.endpoint("default", "https://h.example/")
    stored = [await box.one(part(number, 3), now=NOW + number) for number in order]
    assert [item.is_new for item in stored] == [False, False, True]
    assert [item.inbox_id is None for item in stored] == [True, True, False]
    (row,) = await box.rows()
    assert (box.text(row), row.segments, row.incomplete) == ("<1><2><3>", 3, False)
    assert (row.dedupe_key, row.tenant) == ("7-1", "default")
    assert len(await box.deliveries()) == 1
    assert len(box.seen) == 1
    for kept in await box.parts():
        assert (kept.content, kept.inbox_id) == (None, row.inbox_id)


async def test_all_in_one_call(box: InboundWorld) -> None:
    stored = await box.arrive(part(2, 2), sms("whole"), part(1, 2))
    assert [item.is_new for item in stored] == [False, True, True]
    assert sorted(await texts(box)) == ["<1><2>", "canary 5531"]


async def test_repeats_of_parts_change_nothing(box: InboundWorld) -> None:
    await box.one(part(1, 2))
    again = await box.one(part(1, 2))
    assert (again.inbox_id, again.is_new) == (None, False)
    assert len(await box.parts()) == 1
    whole = await box.one(part(2, 2))
    for number in (1, 2):
        late = await box.one(part(number, 2))
        assert (late.inbox_id, late.is_new) == (whole.inbox_id, False)
    assert await texts(box) == ["<1><2>"]


async def test_parts_lie_sealed(box: InboundWorld) -> None:
    await box.one(part(1, 2, text="canary 5531"))
    (kept,) = await box.parts()
    assert b"canary" not in kept.content
    assert OURS not in f"{kept.group_key}{kept.group_id}"


@pytest.mark.parametrize(
    "other",
    [
        {"sender": "+15557654322"},
        {"to": "+15550100002"},
        {"reference": "8"},
        {"total": 3},
        {"gateway": "home"},
    ],
)
async def test_parts_of_other_messages_stay_apart(box: InboundWorld, other: Any) -> None:
    values = {"gateway": "office", "reference": "7", "total": 2} | other
    gateway = values.pop("gateway")
    await box.one(part(1, 2))
    await box.one(part(2, key="x", **values), gateway=gateway)
    assert await box.rows() == []
    await box.one(part(2, 2))
    assert await texts(box) == ["<1><2>"]


async def test_a_reference_is_used_again(box: InboundWorld) -> None:
    await box.one(part(1, 2, key="a1", text="a1"))
    await box.one(part(1, 2, key="b1", text="b1"))
    await box.one(part(2, 2, key="a2", text="a2"))
    await box.one(part(2, 2, key="b2", text="b2"))
    await box.one(part(2, 2, key="c2", text="c2"))
    await box.one(part(1, 2, key="c1", text="c1"))
    assert await texts(box) == ["a1a2", "b1b2", "c1c2"]


async def test_what_never_comes_whole_is_released(box: InboundWorld) -> None:
    await box.endpoint("default", "https://h.example/")
    await box.one(part(2, 5), now=NOW)
    await box.one(part(4, 5), now=NOW + 1000)
    assert await release(box, NOW + TIMEOUT_MS - 1) == []
    (released,) = await release(box, NOW + TIMEOUT_MS)
    assert released.is_new
    (row,) = await box.rows()
    assert box.text(row) == "[...] <2> [...] <4> [...]"
    assert (row.incomplete, row.segments, row.dedupe_key) == (True, 2, "7-2")
    assert await release(box, NOW + TIMEOUT_MS) == []
    assert (row.tenant, row.owner_reason) == (None, "unreadable")
    claims = await box.claims.of(OURS)
    made = box.intake
    settled = await box.database.write(
        lambda c: made.settle(c, box.world.registry, row.inbox_id, claims, NOW + TIMEOUT_MS)
    )
    assert (settled.owner.tenant, settled.targets) == ("default", 1)
    assert [message.text for message in box.seen] == ["[...] <2> [...] <4> [...]"]


async def test_a_part_that_comes_too_late_is_not_lost(box: InboundWorld) -> None:
    await box.one(part(1, 2), now=NOW)
    late = NOW + TIMEOUT_MS + 1
    await box.one(part(2, 2), now=late)
    assert await box.rows() == []
    await release(box, late)
    await release(box, late + TIMEOUT_MS)
    assert await texts(box) == ["<1> [...]", "[...] <2>"]
    repeat = await box.one(part(2, 2), now=late + TIMEOUT_MS)
    assert (repeat.is_new, repeat.inbox_id) == (False, (await box.rows())[1].inbox_id)


async def test_a_gateway_that_is_gone_holds_nothing_up(box: InboundWorld) -> None:
    await box.one(part(1, 2))
    box.world.registry._gateways.clear()
    (released,) = await release(box, NOW + TIMEOUT_MS)
    assert released.foreign_number
    assert await texts(box) == ["<1> [...]"]


async def test_parts_of_another_server_key_wait_for_its_return(box: InboundWorld) -> None:
    await box.one(part(1, 3))
    own = box.world.sealer
    box.world.sealer = Sealer(bytes(32))
    await box.one(part(2, 3))
    await box.one(part(3, 3))
    assert len(await release(box, NOW + TIMEOUT_MS)) == 1
    (row,) = await box.rows()
    assert box.text(row) == "[...] <2><3>"
    box.world.sealer = own
    await box.database.write(
        lambda c: (
            c.execute(
                update(inbox_parts).where(inbox_parts.c.place != 1).values(inbox_id="x")
            ).rowcount
        )
    )
    assert await release(box, NOW + TIMEOUT_MS) == []


async def test_only_unopened_parts_release_nothing(box: InboundWorld) -> None:
    await box.one(part(1, 3))
    box.world.sealer = Sealer(bytes(32))
    assert await release(box, NOW + TIMEOUT_MS) == []
    assert len(await box.parts()) == 1


async def test_old_joined_parts_are_forgotten(box: InboundWorld) -> None:
    await box.arrive(part(1, 2), part(2, 2), part(1, 2, "8"))
    await release(box, NOW + KEEP_MS)
    assert len(await box.parts()) == 3
    await release(box, NOW + KEEP_MS + 1)
    assert await box.parts() == []
    again = await box.one(part(1, 2), now=NOW + KEEP_MS + 2)
    assert again.is_new is False
    whole = await box.one(part(2, 2), now=NOW + KEEP_MS + 3)
    assert whole.is_new is False
    assert len([row for row in await box.rows() if row.dedupe_key == "7-1"]) == 1


async def test_what_is_no_part_is_refused(box: InboundWorld) -> None:
    with pytest.raises(ValueError, match="not a part"):
        await box.database.write(
            lambda c: parts.add(
                c, box.world.sealer, "office", "scripted", sms(), now=NOW, timeout_ms=1
            )
        )


@given(
    st.integers(1, 8).flatmap(
        lambda total: st.tuples(
            st.just(total), st.sets(st.integers(1, total), min_size=1, max_size=total)
        )
    )
)
def test_gaps_are_where_parts_lack(case: tuple[int, set[int]]) -> None:
    total, numbers = case
    found = parts._with_gaps([part(number, total) for number in sorted(numbers)])
    assert [f"<{n}>" in found.text for n in range(1, total + 1)] == [
        n in numbers for n in range(1, total + 1)
    ]
    runs = sum(n not in numbers and (n == 1 or n - 1 in numbers) for n in range(1, total + 1))
    assert found.text.count("[...]") == runs
    assert (found.part, found.segments) == (None, len(numbers))
