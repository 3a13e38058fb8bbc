"""What is under way at a provider is followed to its end, over a restart as well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from enum_backend.errors import NotFound
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.gateways.inventory.base import OrderState, OwnedNumber
from enum_backend.numbers import follow as follow_module
from enum_backend.numbers import purchase, release
from enum_backend.numbers.addresses import Addresses
from enum_backend.numbers.follow import OrderFollower
from enum_backend.numbers.store import NumberState
from enum_backend.storage.tables import numbers
from tests.unit.numbers.numbers_world import NUMBER, SMS, US, NumbersWorld, Shop, stalls

UNCLEAR = GatewayError(Reason.UNKNOWN, "no answer", ambiguous=True)
AWAY = GatewayError(Reason.TEMPORARY_UNAVAILABLE, "HTTP 503")
URLS = tuple(f"https://{host}.example.org/sms/webhook/shop/shop" for host in ("sms", "two"))


async def state(world: NumbersWorld) -> NumberState | None:
    row = await world.store.find(NUMBER)
    return None if row is None else row.state


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await condition():
            await asyncio.sleep(0.01)


async def ordered(world: NumbersWorld, *buying: Any) -> Shop:
    """A shop with an order that its buyer stopped waiting for."""
    shop = world.shop()
    shop.buying = list(buying)
    world.wait = 0.0
    row = await world.inventory.buy(US, NUMBER, yes=True)
    assert row.state is NumberState.PENDING
    return shop


async def made_on(world: NumbersWorld, **columns: Any) -> None:
    """Let the order be older."""
    await world.database.write(lambda c: c.execute(update(numbers).values(**columns)).rowcount)


def names(shop: Shop) -> list[str]:
    return [call[0] for call in shop.calls]


async def test_pending_orders_are_looked_at(
    world: NumbersWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    from enum_backend.gateways.inventory.base import OrderState

    shop = world.shop()
    shop.buying = [OrderState.PENDING]
    shop.looking = [OrderState.PENDING] * 500
    world.wait = 0.05
    row = await world.inventory.buy(US, NUMBER, yes=True)
    assert row.state is NumberState.PENDING
    assert world.store.owner_gateway(NUMBER) is None
    assert not shop.owns(NUMBER)
    with pytest.raises(NotFound):
        await world.inventory.check_loop(US, NUMBER)
    shop.looking = [GatewayError(Reason.TEMPORARY_UNAVAILABLE)]
    rows = {item.number: item for item in await world.inventory.ours(US)}
    assert rows[NUMBER].state is NumberState.PENDING
    rows = {item.number: item for item in await world.inventory.ours(US)}
    assert rows[NUMBER].state is NumberState.ACTIVE
    assert shop.owns(NUMBER)
    await world.store.settle(rows[NUMBER], state=NumberState.PENDING)
    stalls(world, monkeypatch, "order")
    rows = {item.number: item for item in await world.inventory.ours(US)}
    assert rows[NUMBER].state is NumberState.PENDING


# Orders.


async def test_an_order_is_followed_after_a_restart(world: NumbersWorld) -> None:
    shop = await ordered(world, OrderState.PENDING)
    shop.looking = [OrderState.PENDING, AWAY, OrderState.DONE]
    again = type(world)(world.database, world.sealer, registry=world.registry)
    await again.store.load()
    follower = OrderFollower(again.inventory)
    for expected in (NumberState.PENDING, NumberState.PENDING, NumberState.ACTIVE):
        follower._looked.clear()
        await follower.round()
        assert await state(again) is expected
    assert shop.owns(NUMBER)
    await follower.round()
    assert names(shop) == ["buy", "order", "order", "order"]


async def test_an_order_that_failed_gives_the_money_back(world: NumbersWorld) -> None:
    shop = await ordered(world, OrderState.PENDING)
    assert len(await world.spent()) == 1
    shop.looking = [OrderState.FAILED]
    with capture_logs() as logs:
        await OrderFollower(world.inventory).round()
    assert (await state(world), await world.spent()) == (None, [])
    assert logs[0]["event"] == "order came to nothing"
    assert NUMBER not in str(logs)


@pytest.mark.parametrize("buying", [OrderState.BOUGHT, UNCLEAR])
async def test_a_bought_number_is_pointed_at_us_until_it_is(
    world: NumbersWorld, buying: Any
) -> None:
    shop = await ordered(world, buying)
    shop.has = [OwnedNumber(NUMBER, SMS)]
    shop.looking = [OrderState.BOUGHT] * 2
    shop.setting_up = [GatewayError(Reason.AUTH_FAILED, "settings lack inbound_token")]
    await world.inventory.look(await found(world))
    row = await found(world)
    assert row.state is NumberState.PENDING
    assert row.detail == "bought, but not set up: auth_failed: settings lack inbound_token"
    assert not shop.owns(NUMBER)
    await world.inventory.look(row)
    assert await state(world) is NumberState.ACTIVE
    assert [call[1:] for call in shop.calls if call[0] == "set up"] == [(NUMBER, *URLS)] * 2


async def test_a_number_is_not_pointed_at_nowhere(world: NumbersWorld) -> None:
    shop = await ordered(world, OrderState.BOUGHT)
    shop.looking = [OrderState.BOUGHT]
    world.addresses = Addresses("")
    await world.inventory.look(await found(world))
    row = await found(world)
    assert row.detail == "bought, but not set up: public_base_url is not set"
    assert "set up" not in names(shop)


async def found(world: NumbersWorld) -> Any:
    row = await world.store.find(NUMBER)
    assert row is not None
    return row


async def test_an_import_points_what_was_ordered_at_us(world: NumbersWorld) -> None:
    shop = await ordered(world, UNCLEAR)
    shop.has = [OwnedNumber(NUMBER, SMS)]
    assert (await world.inventory.import_account(US)).known == (NUMBER,)
    assert shop.calls[-1] == ("set up", NUMBER, *URLS)
    assert shop.owns(NUMBER)


async def test_a_provider_that_takes_long_is_waited_for(world: NumbersWorld) -> None:
    shop = await ordered(world, OrderState.PENDING)
    shop.looking = [OrderState.PENDING] * 9
    created = (await found(world)).created_at
    await made_on(world, created_at=created - purchase.LOST_MS * 2)
    await world.inventory.ours(US)
    assert await state(world) is NumberState.PENDING
    await made_on(world, created_at=created - purchase.ABANDONED_MS - 1)
    await world.inventory.ours(US)
    assert await state(world) is None


async def test_what_is_bought_is_never_given_up(world: NumbersWorld) -> None:
    shop = await ordered(world, OrderState.BOUGHT)
    shop.looking = [OrderState.BOUGHT]
    shop.setting_up = [AWAY]
    await made_on(world, created_at=1)
    await world.inventory.ours(US)
    assert await state(world) is NumberState.PENDING


# Releases.


async def owned(world: NumbersWorld, *releasing: Any) -> Shop:
    """A shop with a number that is being given back."""
    shop = world.shop()
    await world.inventory.buy(US, NUMBER, yes=True)
    shop.releasing = list(releasing)
    row = await world.inventory.release(US, NUMBER)
    assert row.state is NumberState.RELEASING
    assert shop.owns(NUMBER)  # what still comes in has an owner
    return shop


async def test_a_release_is_followed_to_its_end(world: NumbersWorld) -> None:
    shop = await owned(world, OrderState.PENDING)
    shop.released = [OrderState.PENDING, AWAY, OrderState.DONE]
    follower = OrderFollower(world.inventory)
    for expected in (NumberState.RELEASING, NumberState.RELEASING, None):
        follower._looked.clear()
        await follower.round()
        assert await state(world) is expected
    assert ("released", "release-1") in shop.calls
    assert not shop.owns(NUMBER)


async def test_a_release_that_failed_leaves_the_number(world: NumbersWorld) -> None:
    shop = await owned(world, OrderState.PENDING)
    shop.released = [OrderState.FAILED]
    await world.inventory.ours(US)
    row = await found(world)
    assert (row.state, row.order_id, row.detail) == (NumberState.ACTIVE, None, "not released")


async def test_an_unclear_release_is_looked_up(world: NumbersWorld) -> None:
    shop = await owned(world, UNCLEAR)
    shop.has = [OwnedNumber(NUMBER, SMS)]
    row = await world.inventory.release(US, NUMBER)  # asked for again: only looked up
    assert (row.state, row.detail) == (NumberState.RELEASING, "unclear: no answer")
    assert names(shop).count("release") == 1
    await made_on(world, updated_at=(await found(world)).updated_at - release.KEPT_MS - 1)
    await world.inventory.ours(US)
    assert (await found(world)).detail == "not released: unclear: no answer"
    shop.releasing = [UNCLEAR]
    await world.inventory.release(US, NUMBER)
    shop.has = []
    assert (await world.inventory.release(US, NUMBER)).state is NumberState.RELEASED
    assert await state(world) is None


async def test_a_release_without_an_answer(
    world: NumbersWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.shop()
    await world.inventory.buy(US, NUMBER, yes=True)
    stalls(world, monkeypatch, "release")
    row = await world.inventory.release(US, NUMBER)
    assert (row.state, row.detail) == (NumberState.RELEASING, "unclear: no answer in time")


# The task.


async def test_the_task_begins_and_ends(world: NumbersWorld) -> None:
    await ordered(world, OrderState.PENDING)
    follower = OrderFollower(world.inventory, pause=0.01)
    await follower.stop()
    follower.start()

    async def arrived() -> bool:
        return await state(world) is NumberState.ACTIVE

    await until(arrived)
    await follower.stop()


async def test_old_orders_are_looked_at_less_often(
    world: NumbersWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await ordered(world, OrderState.PENDING)
    shop.looking = [OrderState.PENDING] * 99
    now = (await found(world)).created_at
    monkeypatch.setattr(follow_module, "now_ms", lambda: now)
    follower = OrderFollower(world.inventory)
    looks = []
    for seconds in (0, 5, 10, 15, 29, 30, 299, 300, 310, 335, 40_000, 43_000, 43_601):
        now = (await found(world)).created_at + seconds * 1000
        before = len(shop.calls)
        await follower.round()
        if len(shop.calls) > before:
            looks.append(seconds)
    assert looks == [0, 15, 30, 299, 335, 40_000, 43_601]


async def test_only_a_live_server_follows(world: NumbersWorld) -> None:
    shop = await ordered(world, OrderState.PENDING)
    world.live = False
    await OrderFollower(world.inventory).round()
    assert names(shop) == ["buy"]


async def test_a_gateway_that_is_gone(world: NumbersWorld) -> None:
    await ordered(world, OrderState.PENDING)
    row = replace(await found(world), gateway="gone")
    with capture_logs() as logs:
        await world.inventory.look(row)
    assert logs[0]["error"] == "GatewayNotConfigured"
