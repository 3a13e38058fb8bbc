from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
import structlog
from sqlalchemy import Connection

from enum_backend.clock import now_ms
from enum_backend.errors import CostLimitExceeded, DatabaseUnavailable
from enum_backend.gateways.base import (
    Cost,
    GatewayError,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
    StatusResult,
)
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.gateways.webhooks.base import DeliveryReport
from enum_backend.messaging import dispatcher as module
from enum_backend.messaging import queue, reports
from enum_backend.messaging import rooms as rooms_module
from enum_backend.messaging.breakers import FAILURES
from enum_backend.messaging.dispatcher import Dispatcher
from enum_backend.messaging.queue import Room
from enum_backend.numbers import spending
from enum_backend.settings.models import DispatchSettings, LimitSettings
from enum_backend.storage import Sealer
from tests.unit.messaging.messaging_world import CANARY, OTHER, TO, Findable, World

AMBIGUOUS = GatewayError(Reason.UNKNOWN, "no answer", ambiguous=True)
FUTURE = 10**13


class Running:
    """A dispatcher that is stopped at the end of the block."""

    def __init__(self, world: World, **options: Any) -> None:
        self.dispatcher = world.dispatcher(**options)

    async def __aenter__(self) -> Dispatcher:
        await self.dispatcher.start()
        return self.dispatcher

    async def __aexit__(self, *_: object) -> None:
        await self.dispatcher.stop()


async def spent(world: World) -> Decimal:
    return await world.database.read(lambda c: spending.spent(c, now_ms()))


async def hang(_sms: OutboundSms) -> SendResult:
    await asyncio.Event().wait()
    raise AssertionError


async def crashed(world: World, **changes: Any) -> str:
    """A message that another process was sending when it died."""
    message_id = await world.send(**changes)
    names = [gateway.name for gateway in world.registry]
    room = {name: Room("scripted", 9, 60_000) for name in names}
    taken = await world.database.write(
        lambda c: queue.take(c, owner="dead", now=now_ms(), room=room, others=0)
    )
    assert message_id in [begun.message_id for begun in taken.begun]
    return message_id


async def test_sent_once_with_everything_recorded(world: World) -> None:
    one = world.gateway(
        "one",
        SendResult(ProviderStatus.SENT, "p-1", segments=2, cost=Cost(Decimal("0.0125"))),
    )
    message_id = await world.send()
    async with Running(world) as dispatcher:
        assert dispatcher.running
        row = await world.settled(message_id, "sent")
        dispatcher.notify()
        await asyncio.sleep(0.05)
    assert not dispatcher.running
    assert [(sms.message_id, sms.to, sms.text, sms.sender) for sms in one.sent] == [
        (message_id, TO, CANARY, None)
    ]
    assert (row.provider_message_id, row.segments, row.cost_micros) == ("p-1", 2, 12_500)
    assert (row.cost_currency, row.lease_owner, row.next_attempt_at) == ("USD", None, None)
    assert row.body is not None
    tries = await world.tries(message_id)
    assert [(t.number, t.outcome, t.provider_message_id) for t in tries] == [(1, "accepted", "p-1")]
    assert tries[0].finished_at is not None
    assert world.outcomes == [("one", "scripted", "sent")]


@pytest.mark.parametrize(
    "step", [AMBIGUOUS, hang, ValueError("bug"), TimeoutError(), RuntimeError(CANARY)]
)
async def test_an_open_outcome_is_unknown_and_never_sent_again(world: World, step: Any) -> None:
    one = world.gateway("one", step, timeout=0.05)
    two = world.gateway("two")
    message_id = await world.send()
    async with Running(world):
        row = await world.settled(message_id, "unknown")
        await asyncio.sleep(0.08)
    async with Running(world):
        await asyncio.sleep(0.08)
    assert (await world.row(message_id)).state == "unknown"
    assert (len(one.sent), len(two.sent)) == (1, 0)
    assert row.reason == "unknown"
    assert [t.outcome for t in await world.tries(message_id)] == ["ambiguous"]


async def test_resend_repeats_at_the_same_gateway_but_never_a_code(world: World) -> None:
    one = world.gateway("one", AMBIGUOUS, AMBIGUOUS, ambiguous="resend")
    message_id = await world.send()
    async with Running(world):
        await world.settled(message_id, "sent")
        one.script = [AMBIGUOUS]
        code = await world.send(is_code=True, to=OTHER)
        row = await world.settled(code, "unknown")
    assert [sms.message_id for sms in one.sent] == [message_id] * 3 + [code]
    assert row.body is None


async def test_what_may_have_been_sent_never_fails(world: World) -> None:
    refusal = GatewayError(Reason.INVALID_REQUEST, "no such", provider_code="400")
    world.gateway("one", AMBIGUOUS, refusal, ambiguous="resend", price="0.01")
    message_id = await world.send()
    async with Running(world):
        row = await world.settled(message_id, "failed", "unknown")
    assert (row.state, row.reason, row.provider_code) == ("unknown", "invalid_request", "400")
    assert [t.outcome for t in await world.tries(message_id)] == ["ambiguous", "refused"]
    assert row.cost_micros == 10_000
    assert await spent(world) == Decimal("0.01")
    report = DeliveryReport("r-1", "p-1", ProviderStatus.DELIVERED, own_id=message_id)
    await world.database.write(lambda c: reports.store(c, "one", report, now_ms()))
    assert (await world.row(message_id)).state == "delivered"


async def test_nor_when_it_is_sent_again_by_hand(world: World) -> None:
    one = world.gateway("one", AMBIGUOUS, GatewayError(Reason.INVALID_REQUEST), price="0.01")
    message_id = await world.send()
    async with Running(world) as dispatcher:
        await world.settled(message_id, "unknown")
        await world.service.retry(message_id, "default")
        dispatcher.notify()
        await world.settled(message_id, "failed", "unknown")
    assert len(one.sent) == 2
    assert (await world.row(message_id)).state == "unknown"
    assert await spent(world) == Decimal("0.02")


@pytest.mark.parametrize("price", ["0.01", "0.03"])
async def test_what_may_have_been_sent_counts_no_less_at_the_next_gateway(
    world: World, price: str
) -> None:
    refusal = GatewayError(Reason.AUTH_FAILED)
    world.gateway("one", AMBIGUOUS, refusal, ambiguous="resend", price="0.02")
    world.gateway("two", GatewayError(Reason.INVALID_NUMBER), price=price)
    message_id = await world.send()
    async with Running(world):
        row = await world.settled(message_id, "failed", "unknown")
    assert (row.state, row.gateway) == ("unknown", "two")
    assert await spent(world) == max(Decimal("0.02"), Decimal(price))


async def test_resend_stops_at_max_attempts(world: World) -> None:
    world.dispatch = DispatchSettings(backoff=0.01, max_attempts=2)
    one = world.gateway("one", *[AMBIGUOUS] * 5, ambiguous="resend")
    message_id = await world.send()
    async with Running(world):
        await world.settled(message_id, "unknown")
    assert len(one.sent) == 2


async def test_an_ambiguous_send_is_looked_up_where_that_works(world: World) -> None:
    one = world.gateway("one", AMBIGUOUS, kind=Findable)
    one.known = StatusResult(ProviderStatus.DELIVERED, cost=Cost(Decimal("0.5")))
    message_id = await world.send()
    async with Running(world):
        row = await world.settled(message_id, "delivered")
        assert row.cost_micros == 500_000
        one.script, one.known = [AMBIGUOUS], None
        never = await world.send(text="never arrived")
        await world.settled(never, "sent")
        one.script, one.known = [AMBIGUOUS], GatewayError(Reason.AUTH_FAILED)
        open_one = await world.send(text="nobody knows")
        await world.settled(open_one, "unknown")
    assert [s.message_id for s in one.sent] == [message_id, never, never, open_one]


async def test_duplicate_means_the_provider_has_it(world: World) -> None:
    one = world.gateway("one", GatewayError(Reason.DUPLICATE, provider_code="409"))
    world.gateway("two")
    message_id = await world.send()
    two = world.gateway("three", GatewayError(Reason.DUPLICATE), kind=Findable)
    two.known = StatusResult(ProviderStatus.SENT)
    found = await world.send(gateway="three")
    async with Running(world):
        await world.settled(message_id, "unknown")
        await world.settled(found, "sent")
    assert len(one.sent) == 1


async def test_refused_for_good(world: World) -> None:
    one = world.gateway("one", GatewayError(Reason.INVALID_NUMBER, "no such", provider_code="211"))
    two = world.gateway("two")
    message_id = await world.send(is_code=True)
    async with Running(world):
        row = await world.settled(message_id, "failed")
    assert (row.reason, row.provider_code, row.detail) == ("invalid_number", "211", "no such")
    assert (row.body, row.cost_micros) == (None, None)
    assert (len(one.sent), len(two.sent)) == (1, 0)


async def test_repeats_then_fails_over(world: World) -> None:
    world.dispatch = DispatchSettings(backoff=0.01, max_attempts=2)
    busy = GatewayError(Reason.TEMPORARY_UNAVAILABLE)
    one = world.gateway("one", busy, busy, busy)
    two = world.gateway("two", GatewayError(Reason.AUTH_FAILED))
    three = world.gateway("three")
    message_id = await world.send()
    async with Running(world):
        row = await world.settled(message_id, "sent")
    assert (len(one.sent), len(two.sent), len(three.sent)) == (2, 1, 1)
    assert (row.gateway, row.chain_position, row.reason) == ("three", 2, None)
    tries = await world.tries(message_id)
    assert [(t.gateway, t.outcome) for t in tries] == [
        ("one", "refused"),
        ("one", "refused"),
        ("two", "refused"),
        ("three", "accepted"),
    ]


async def test_after_a_failover_it_counts_with_what_the_next_gateway_charges(
    world: World,
) -> None:
    world.limits = LimitSettings(daily_cost=Decimal(1))
    world.gateway("cheap", GatewayError(Reason.AUTH_FAILED), price="0.01")
    world.gateway("dear", price="0.50")
    message_id = await world.send(text="x" * 400)
    async with Running(world):
        row = await world.settled(message_id, "sent")
    assert (row.gateway, row.segments) == ("dear", 3)
    assert (row.cost_micros, row.cost_currency) == (1_500_000, "USD")
    assert await spent(world) == Decimal("1.5")
    with pytest.raises(CostLimitExceeded):
        await world.send(to=OTHER)


async def test_a_gateway_without_a_price_counts_as_nothing(world: World) -> None:
    world.gateway("cheap", GatewayError(Reason.AUTH_FAILED), price="0.01")
    world.gateway("unpriced")
    message_id = await world.send()
    async with Running(world):
        row = await world.settled(message_id, "sent")
    assert (row.gateway, row.cost_micros, row.cost_currency) == ("unpriced", None, None)
    assert await spent(world) == 0


async def test_a_report_corrects_what_the_next_gateway_was_expected_to_charge(
    world: World,
) -> None:
    world.gateway("cheap", GatewayError(Reason.AUTH_FAILED), price="0.01")
    told = SendResult(ProviderStatus.SENT, "p-1", cost=Cost(Decimal("0.02")))
    world.gateway("dear", told, price="0.50")
    message_id = await world.send()
    async with Running(world):
        await world.settled(message_id, "sent")
    assert await spent(world) == Decimal("0.02")


async def test_what_ends_after_a_failover_costs_nothing(world: World) -> None:
    world.gateway("cheap", GatewayError(Reason.AUTH_FAILED), price="0.01")
    world.gateway("dear", GatewayError(Reason.INVALID_NUMBER), price="0.50")
    message_id = await world.send()
    async with Running(world):
        await world.settled(message_id, "failed")
    assert await spent(world) == 0


async def test_a_gateway_that_is_gone_or_broken_leaves_its_price_behind(world: World) -> None:
    world.gateway("gone", price="0.01")
    gone = await world.send()
    world.registry = GatewayRegistry()
    world.gateway("broken", price="0.02")
    broken = await world.send(to=OTHER)
    world.gateway("dear", price="0.50")
    for message_id, name in ((gone, "gone"), (broken, "broken")):
        await world.change(message_id, chain=json.dumps([name, "dear"]))
    running = Running(world)
    for _ in range(FAILURES):
        down = GatewayError(Reason.TEMPORARY_UNAVAILABLE)
        running.dispatcher._pool.breakers.failed("broken", down)
    async with running:
        rows = [await world.settled(item, "sent") for item in (gone, broken)]
    assert [(row.gateway, row.cost_micros) for row in rows] == [("dear", 500_000)] * 2
    assert await spent(world) == 1


async def test_retry_after_is_kept_but_never_beyond_the_validity(world: World) -> None:
    world.gateway("one", GatewayError(Reason.RATE_LIMITED, retry_after=20))
    message_id = await world.send()
    world.gateway("slow", GatewayError(Reason.RATE_LIMITED, retry_after=float("inf")))
    world.fallback = False
    code = await world.send(gateway="slow", is_code=True)
    before = now_ms()
    async with Running(world):
        async with asyncio.timeout(2):
            while not (await world.row(message_id)).reason or not (await world.row(code)).reason:
                await asyncio.sleep(0.01)
    row, late = await world.row(message_id), await world.row(code)
    assert row.state == "queued"
    assert 19_000 <= row.next_attempt_at - before <= 21_000
    assert late.next_attempt_at == late.valid_until


async def test_expired_before_anybody_took_it(world: World) -> None:
    one = world.gateway("one")
    message_id = await world.send(is_code=True)
    await world.change(message_id, valid_until=1)
    async with Running(world):
        row = await world.settled(message_id, "expired")
    assert (row.body, row.reason, one.sent) == (None, "expired", [])
    assert world.outcomes == [("one", "", "expired")]


async def test_a_gateway_that_is_gone_is_passed_over(world: World) -> None:
    world.gateway("gone")
    world.gateway("two")
    passed, ended = await world.send(), await world.send(text="b", gateway="gone", is_code=True)
    await world.change(ended, chain='["gone"]')
    world.registry = type(world.registry)()
    two = world.gateway("two")
    async with Running(world):
        row = await world.settled(passed, "sent")
        last = await world.settled(ended, "failed")
    assert row.gateway == "two"
    assert [sms.message_id for sms in two.sent] == [passed]
    assert (last.reason, last.body) == ("temporary_unavailable", None)
    assert ("gone", "", "failed") in world.outcomes


async def test_senders(world: World) -> None:
    own, borrowed = "+15550100007", "+15550100008"
    one = world.gateway("one", GatewayError(Reason.FORBIDDEN), numbers=(own,))
    two = world.gateway("two")
    world.source.put(
        f"enum:{borrowed[1:]}:0", {"voice": "sip:a@b.example", "sms": f"two:{borrowed}"}
    )
    await world.send(sender=own, text="a")
    await world.send(sender=borrowed, text="b")
    world.mode = "live"
    async with Running(world):
        async with asyncio.timeout(2):
            while len(one.sent) + len(two.sent) < 3:
                await asyncio.sleep(0.01)
    assert [(s.text, s.sender) for s in one.sent] == [("a", own)]
    assert sorted((s.text, s.sender) for s in two.sent) == [("a", None), ("b", borrowed)]


async def test_simulated_messages_keep_their_sender(world: World) -> None:
    world.mode = "simulation"
    message_id = await world.send(sender="+15550100042")
    async with Running(world):
        await world.settled(message_id, "delivered")
    assert world.simulator.messages[0].sender == "+15550100042"


async def test_what_was_held_past_its_lease_is_not_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = world.gateway("one")
    message_id = await world.send()
    monkeypatch.setattr(rooms_module, "lease_seconds", lambda gateway: 0.0)
    dispatcher = world.dispatcher()
    await dispatcher._take()
    await asyncio.gather(*dispatcher._tasks)
    assert one.sent == []
    assert (await world.row(message_id)).state == "queued"


async def test_dispatching_of_a_dead_owner_becomes_unknown(world: World) -> None:
    one = world.gateway("one")
    message_id = await crashed(world, is_code=True)
    async with Running(world):
        row = await world.row(message_id)
        await asyncio.sleep(0.05)
    assert (row.state, row.body, one.sent) == ("unknown", None, [])
    assert [t.outcome for t in await world.tries(message_id)] == ["ambiguous"]


async def test_without_the_lock_only_a_stale_lease_counts(world: World) -> None:
    world.gateway("one")
    message_id = await crashed(world)
    async with Running(world, alone=False):
        assert (await world.row(message_id)).state == "dispatching"
    await world.change(message_id, lease_until=1)
    async with Running(world, alone=False):
        assert (await world.row(message_id)).state == "unknown"


async def test_a_sweep_finds_stale_leases_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.02)
    world.gateway("one")
    async with Running(world, alone=False):
        stuck = await world.send(to=OTHER)
        await world.settled(stuck, "sent")
        await world.change(stuck, state="dispatching", lease_owner="dead", lease_until=1)
        row = await world.settled(stuck, "unknown")
    assert row.state == "unknown"


@pytest.mark.parametrize(
    ("known", "state", "sends"),
    [
        (StatusResult(ProviderStatus.DELIVERED), "delivered", 0),
        (StatusResult(ProviderStatus.QUEUED), "sent", 0),
        (StatusResult(ProviderStatus.FAILED), "failed", 0),
        (None, "sent", 1),
        (GatewayError(Reason.TEMPORARY_UNAVAILABLE), "unknown", 0),
        (NotImplementedError(), "unknown", 0),
    ],
)
async def test_orphans_are_looked_up(world: World, known: Any, state: str, sends: int) -> None:
    one = world.gateway("one", kind=Findable)
    one.known = known
    message_id = await crashed(world)
    async with Running(world):
        row = await world.settled(message_id, state)
    assert (row.state, len(one.sent), one.asked) == (state, sends, [message_id])


async def test_orphans_of_gone_and_resending_gateways(world: World) -> None:
    world.gateway("gone")
    orphan = await crashed(world)
    world.registry = type(world.registry)()
    async with Running(world):
        assert (await world.row(orphan)).state == "unknown"
    again = world.gateway("again", ambiguous="resend")
    plain = await crashed(world, text="plain")
    code = await crashed(world, text="code", is_code=True)
    spent = await crashed(world, text="spent")
    await world.change(spent, attempts_at_gateway=4)
    async with Running(world):
        await world.settled(plain, "sent")
        assert (await world.row(code)).state == "unknown"
        assert (await world.row(spent)).state == "unknown"
    assert [sms.message_id for sms in again.sent] == [plain]


async def test_a_hanging_look_up_does_not_hold_up_the_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0.05)
    slow = world.gateway("slow", kind=Findable)
    orphan = await crashed(world)
    one = world.gateway("one")
    fresh = await world.send(gateway="one")

    async def find(_message_id: str) -> None:
        await asyncio.Event().wait()

    slow.find = find
    async with Running(world):
        await world.settled(fresh, "sent")
        assert (await world.row(orphan)).state == "dispatching"
    assert len(one.sent) == 1


async def test_queued_with_a_lease_of_the_dead_is_sent_once(world: World) -> None:
    one = world.gateway("one")
    message_id = await world.send()
    await world.change(message_id, lease_owner="dead", lease_until=FUTURE)
    async with Running(world):
        await world.settled(message_id, "sent")
    assert len(one.sent) == 1


async def test_two_dispatchers_send_each_message_once(world: World) -> None:
    one = world.gateway("one")
    ids = [await world.send(text=str(n)) for n in range(30)]
    async with Running(world, alone=False), Running(world, alone=False):
        for message_id in ids:
            await world.settled(message_id, "sent")
    assert sorted(sms.message_id for sms in one.sent) == sorted(ids)


async def test_graceful_stop_waits_for_what_is_under_way(world: World) -> None:
    async def slow(_sms: OutboundSms) -> SendResult:
        await asyncio.sleep(0.1)
        return SendResult(ProviderStatus.SENT)

    one = world.gateway("one", slow)
    message_id = await world.send()
    async with Running(world):
        await world.settled(message_id, "dispatching")
    assert (await world.row(message_id)).state == "sent"
    later = await world.send(text="later")
    await asyncio.sleep(0.08)
    assert (await world.row(later)).state == "queued"
    assert len(one.sent) == 1


async def test_a_stop_that_cuts_short_leaves_it_to_the_next_start(world: World) -> None:
    one = world.gateway("one", hang, timeout=60)
    message_id = await world.send()
    async with Running(world):
        await world.settled(message_id, "dispatching")
    assert (await world.row(message_id)).state == "dispatching"
    async with Running(world):
        assert (await world.row(message_id)).state == "unknown"
    assert len(one.sent) == 1


async def test_stop_without_start(world: World) -> None:
    await world.dispatcher().stop()


async def test_concurrency_is_per_gateway_and_a_hang_blocks_nobody_else(world: World) -> None:
    world.dispatch = DispatchSettings(concurrency=2)
    slow = world.gateway("slow", *[hang] * 5, timeout=60)
    quick = world.gateway("quick")
    stuck = [await world.send(gateway="slow", text=f"s{n}") for n in range(5)]
    fine = [await world.send(gateway="quick", text=f"q{n}") for n in range(5)]
    async with Running(world):
        for message_id in fine:
            await world.settled(message_id, "sent")
        await asyncio.sleep(0.05)
        states = [(await world.row(message_id)).state for message_id in stuck]
    assert sorted(states) == ["dispatching"] * 2 + ["queued"] * 3
    assert (len(slow.sent), len(quick.sent)) == (2, 5)


class Flaky:
    """Fails the next writes of the database."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failing = 0
        self._write = world.database.write
        monkeypatch.setattr(world.database, "write", self.write, raising=False)

    async def write(self, work: Any) -> Any:
        if self.failing:
            self.failing -= 1
            raise DatabaseUnavailable("The disk is full.")
        return await self._write(work)


@pytest.mark.parametrize("step", [None, GatewayError(Reason.INVALID_NUMBER)])
async def test_an_outcome_waits_for_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch, step: Any
) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.02)
    flaky = Flaky(world, monkeypatch)

    async def answer(_sms: OutboundSms) -> SendResult:
        flaky.failing = 8
        if step:
            raise step
        return SendResult(ProviderStatus.SENT, "p")

    one = world.gateway("one", answer)
    message_id = await world.send()
    async with Running(world):
        await world.settled(message_id, "dispatching", "sent", "failed")
        row = await world.settled(message_id, "failed" if step else "sent")
    assert len(one.sent) == 1
    assert row.state != "unknown"


async def test_own_work_is_never_swept_as_an_orphan(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.01)
    go = asyncio.Event()

    async def slow(_sms: OutboundSms) -> SendResult:
        await go.wait()
        return SendResult(ProviderStatus.SENT)

    one = world.gateway("one", slow, ambiguous="resend", timeout=5)
    message_id = await world.send()
    async with Running(world):
        await world.settled(message_id, "dispatching")
        await world.change(message_id, lease_until=1)
        await asyncio.sleep(0.1)
        assert (await world.row(message_id)).state == "dispatching"
        go.set()
        await world.settled(message_id, "sent")
    assert len(one.sent) == 1


async def test_nothing_is_sent_while_the_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = world.gateway("one")
    await world.send()
    Flaky(world, monkeypatch).failing = 9
    with pytest.raises(DatabaseUnavailable):
        await world.dispatcher()._take()
    assert one.sent == []


async def test_a_take_whose_commit_was_not_confirmed_is_put_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = world.gateway("one")
    message_id = await world.send()
    dispatcher = world.dispatcher()
    write = world.database.write

    async def unconfirmed(work: Any) -> Any:
        await write(work)
        raise DatabaseUnavailable

    monkeypatch.setattr(world.database, "write", unconfirmed)
    with pytest.raises(DatabaseUnavailable):
        await dispatcher._take()
    monkeypatch.setattr(world.database, "write", write)
    assert (await world.row(message_id)).state == "dispatching"
    assert one.sent == []
    await dispatcher._put_back()
    assert (await world.row(message_id)).state == "queued"
    assert [t.outcome for t in await world.tries(message_id)] == ["refused"]
    async with Running(world):
        await world.settled(message_id, "sent")
    assert len(one.sent) == 1


async def test_the_start_says_when_the_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    Flaky(world, monkeypatch).failing = 9
    with pytest.raises(DatabaseUnavailable):
        await world.dispatcher().start()


async def test_the_loop_outlives_every_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = world.gateway("one")
    real_take, real_orphans = queue.take, queue.orphans
    problems = [DatabaseUnavailable("away"), ValueError(CANARY), KeyError("x")]

    def take(connection: Connection, **arguments: Any) -> Any:
        if problems:
            raise problems.pop(0)
        return real_take(connection, **arguments)

    def orphans(*arguments: Any, **options: Any) -> Any:
        if len(problems) > 1:
            raise ValueError(CANARY)
        return real_orphans(*arguments, **options)

    monkeypatch.setattr(queue, "take", take)
    monkeypatch.setattr(queue, "orphans", orphans)
    message_id = await world.send()
    with structlog.testing.capture_logs() as logs:
        async with Running(world):
            await world.settled(message_id, "sent")
    assert len(one.sent) == 1
    assert {"sweep failed", "dispatcher failed", "the outbox cannot be reached"} <= {
        entry["event"] for entry in logs
    }
    assert CANARY not in repr(logs)


async def test_a_text_sealed_with_another_key_fails(world: World) -> None:
    one = world.gateway("one")
    message_id = await world.send()
    world.sealer = Sealer(bytes(32))
    async with Running(world):
        row = await world.settled(message_id, "failed")
    assert (row.reason, one.sent) == ("invalid_request", [])


async def test_a_failing_metric_does_not_undo_an_outcome(world: World) -> None:
    one = world.gateway("one")
    message_id = await world.send()

    def broken(*_: str) -> None:
        raise ValueError(CANARY)

    dispatcher = Dispatcher(
        world.database, world.sealer, world.pool, world.dispatch, alone=True, on_outcome=broken
    )
    with structlog.testing.capture_logs() as logs:
        await dispatcher.start()
        await world.settled(message_id, "sent")
        await asyncio.sleep(0.05)
        await dispatcher.stop()
    assert len(one.sent) == 1
    assert CANARY not in repr(logs)
    quiet = Dispatcher(world.database, world.sealer, world.pool, world.dispatch, alone=True)
    quiet._count("a", "b", None)


async def test_logs_hold_no_text_number_or_secret(world: World) -> None:
    secret = "key-5a7c"
    world.gateway("one", GatewayError(Reason.TEMPORARY_UNAVAILABLE), ValueError(f"{CANARY} {TO}"))
    world.gateway("two", hang, timeout=0.02)
    world.gateway("three", numbers=(OTHER,))
    ids = [
        await world.send(text=f"{CANARY} {secret} {name}", gateway=name, is_code=True)
        for name in ("one", "two", "three")
    ]
    with structlog.testing.capture_logs() as logs:
        async with Running(world):
            for message_id in ids:
                await world.settled(message_id, "sent", "unknown", "failed")
    assert len(logs) >= 4
    for forbidden in (CANARY, secret, TO, TO[1:], OTHER, "5550134"):
        assert forbidden not in repr(logs)
