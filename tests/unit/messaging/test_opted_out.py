"""Opt-outs on the whole way of a message: accepting, sending, reports, sending again."""

from __future__ import annotations

import asyncio
import json

import pytest
from sqlalchemy import select

from enum_backend.clock import now_ms
from enum_backend.errors import OptedOut
from enum_backend.gateways.base import GatewayError, ProviderStatus, Reason
from enum_backend.gateways.webhooks.base import DeliveryReport
from enum_backend.messaging import reports
from enum_backend.messaging.model import Client, MessageKind
from enum_backend.messaging.policy import optouts
from enum_backend.messaging.policy.optouts import EVERY, Source
from enum_backend.messaging.policy.stopping import stop
from enum_backend.storage.tables import opt_outs
from tests.unit.messaging.messaging_world import OTHER, TO, World, request

ONE, TWO = "+15550100001", "+15550100002"


@pytest.fixture(autouse=True)
def _two(world: World) -> None:
    world.gateway("one", **{"from": ONE})
    world.gateway("two", **{"from": TWO})


async def shut(world: World, sender: str = ONE, tenant: str = "default") -> None:
    await world.database.write(
        lambda c: stop(c, tenant, sender, TO, Source.KEYWORD, now_ms(), gateway="one")
    )


async def entries(world: World) -> list[tuple[str, str, str, str]]:
    found = await world.database.read(lambda c: c.execute(select(opt_outs)).all())
    return [(r.tenant, r.sender, r.recipient, r.source) for r in found]


async def test_refused_before_anything_is_stored(world: World) -> None:
    await shut(world)
    with pytest.raises(OptedOut):
        await world.send()
    with pytest.raises(OptedOut):
        await world.send(is_code=True, skip_rate_limit=True)
    assert await world.rows() == []
    await world.send(to=OTHER)
    await world.send(sender=TWO)
    await world.send(client=Client("key:a", "acme", 0))


async def test_a_gateway_that_would_only_follow_is_left_out(world: World) -> None:
    await shut(world, TWO)
    row = await world.row(await world.send())
    assert json.loads(row.chain) == ["one"]


async def test_the_answer_to_stop_goes_out(world: World) -> None:
    await shut(world, EVERY)
    message_id = await world.send(kind=MessageKind.REPLY, gateway="one", sender=ONE)
    assert json.loads((await world.row(message_id)).chain) == ["one"]


async def test_test_numbers_have_no_opt_outs(world: World) -> None:
    world.test_numbers = (TO,)
    await shut(world)
    assert (await world.row(await world.send())).gateway == "simulator"


async def test_a_repeat_is_answered_all_the_same(world: World) -> None:
    first = await world.send(idempotency_key="k")
    await shut(world)
    assert await world.send(idempotency_key="k") == first


async def test_many_at_once(world: World) -> None:
    await shut(world)
    service = world.service
    results = await asyncio.gather(
        *(service.send(request(to=f"+1415555{index:04}")) for index in (134, 135, 136, 134)),
        return_exceptions=True,
    )
    assert [isinstance(item, OptedOut) for item in results] == [True, False, False, True]
    assert len(await world.rows()) == 2


async def test_a_provider_that_refuses_is_remembered(world: World) -> None:
    refusing = world.registry.get("one")
    refusing.script = [GatewayError(Reason.OPTED_OUT, provider_code="21610")]  # type: ignore[union-attr]
    dispatcher = world.dispatcher()
    message_id = await world.send()
    waits = await world.send(send_at=now_ms() + 3_600_000)
    await dispatcher.start()
    try:
        row = await world.settled(message_id, "failed")
    finally:
        await dispatcher.stop()
    assert row.reason == "opted_out"
    assert (await world.row(waits)).reason == "opted_out"
    assert world.registry.get("two").sent == []  # type: ignore[union-attr]
    assert await entries(world) == [("default", ONE, TO, "refused")]
    with pytest.raises(OptedOut):
        await world.send()


async def test_a_report_that_says_so_is_remembered(world: World) -> None:
    dispatcher = world.dispatcher()
    message_id = await world.send()
    waits = await world.send(send_at=now_ms() + 3_600_000)
    await dispatcher.start()
    try:
        row = await world.settled(message_id, "sent")
    finally:
        await dispatcher.stop()
    report = DeliveryReport(
        dedupe_key="r-1",
        provider_message_id=row.provider_message_id,
        status=ProviderStatus.FAILED,
        reason=Reason.OPTED_OUT,
        provider_code="200",
    )
    await world.database.write(lambda c: reports.store(c, "one", report, now_ms()))
    assert (await world.row(message_id)).state == "failed"
    assert (await world.row(waits)).reason == "opted_out"
    assert await entries(world) == [("default", ONE, TO, "refused")]


async def test_what_a_person_sends_again_is_asked_again(world: World) -> None:
    message_id = await world.send()
    await world.change(message_id, state="failed", next_attempt_at=None)
    await shut(world)
    with pytest.raises(OptedOut):
        await world.service.retry(message_id, "default")
    await world.database.write(lambda c: optouts.remove(c, "default", ONE, TO))
    assert (await world.service.retry(message_id, "default")).status == "queued"


async def test_what_waits_is_never_sent(world: World) -> None:
    scheduled = await world.send(send_at=now_ms() + 3_600_000)
    await shut(world)
    row = await world.row(scheduled)
    assert (row.state, row.reason) == ("failed", "opted_out")
