"""The latest messages of one number, for its owner only."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from enum_backend.errors import NotFound, NvsUnavailableError
from enum_backend.messaging.notifications import Notifications
from enum_backend.storage.tables import bindings, inbox
from tests.unit.messaging.inbound_world import FOREIGN, OURS, InboundWorld, sms
from tests.unit.messaging.messaging_world import World


@pytest.fixture
def box(world: World) -> InboundWorld:
    world.gateway("office")
    world.gateway("private", **{"from": "+15550100003", "tenant": "acme"})
    return InboundWorld(world)


@pytest.fixture
def views(box: InboundWorld) -> Notifications:
    return Notifications(box.database, box.world.sealer, box.world.registry, box.claims)


async def test_newest_first(box: InboundWorld, views: Notifications) -> None:
    for n in range(4):
        await box.one(sms(f"m-{n}", text=str(n)))
    await box.one(sms("again", content_key="c"))
    await box.one(sms("repeat", content_key="c"))
    found = await views.of(OURS, "default", 4)
    assert [message.text for message in found] == ["canary 5531", "3", "2", "1"]
    await box.database.write(lambda c: c.execute(update(inbox).values(body=b"x" * 40)).rowcount)
    assert await views.of(OURS, "default", 9) == []


@pytest.mark.parametrize(
    ("number", "tenant", "own"),
    [
        (OURS, "default", True),
        (OURS, "acme", False),
        ("+15550100003", "acme", True),
        ("+15550100003", "default", False),
        (FOREIGN, "default", False),
    ],
)
async def test_own_numbers_only(views: Notifications, number: str, tenant: str, own: bool) -> None:
    if own:
        assert await views.of(number, tenant, 9) == []
    else:
        with pytest.raises(NotFound):
            await views.of(number, tenant, 9)


async def test_a_number_that_changed_hands(box: InboundWorld, views: Notifications) -> None:
    await box.bind("acme")
    await box.one(sms("a", text="acme's"))
    await box.database.write(lambda c: c.execute(bindings.delete()).rowcount)
    await box.bind("other")
    await box.one(sms("b", text="other's"))
    assert [m.text for m in await views.of(OURS, "acme", 9)] == ["acme's"]
    assert [m.text for m in await views.of(OURS, "other", 9)] == ["other's"]
    with pytest.raises(NotFound):
        await views.of(OURS, "default", 9)


async def test_a_record_s_owner_and_no_owner(box: InboundWorld, views: Notifications) -> None:
    box.claim("acme")
    assert await views.of(OURS, "acme", 9) == []
    box.claim("other", own="14155550002")
    with pytest.raises(NotFound):
        await views.of(OURS, "acme", 9)
    box.claim("other", own="14155550003")
    box.source.down = True
    with pytest.raises(NvsUnavailableError):
        await views.of(OURS, "acme", 9)
    await box.bind("acme")
    assert await views.of(OURS, "acme", 9) == []


async def test_a_bound_number_of_no_gateway(box: InboundWorld, views: Notifications) -> None:
    await box.bind("acme", FOREIGN)
    assert await views.of(FOREIGN, "acme", 9) == []
