"""The worker: everything is delivered, dead targets hold nobody up, nothing gets lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import structlog

from enum_backend.clock import now_ms
from enum_backend.errors import DatabaseUnavailable
from enum_backend.messaging.breakers import FAILURES
from enum_backend.messaging.deliveries import worker as module
from enum_backend.messaging.deliveries.model import Claimed, Kind, Result, State, Target, Why
from enum_backend.messaging.deliveries.queue import Handover, add_many
from enum_backend.messaging.deliveries.retry import RetryPlan
from enum_backend.messaging.deliveries.worker import DeliveryWorker
from enum_backend.storage.database import Database
from tests.unit.messaging.inbound_world import InboundWorld, sms

DAY = 86_400_000


class Scripted:
    """Does what a test says for a target: a result, an error, or a function."""

    def __init__(self) -> None:
        self.script: dict[str, list[Any]] = {}
        self.made: list[Claimed] = []
        self.busy = 0
        self.most = 0

    async def deliver(self, claimed: Claimed) -> Result:
        self.made.append(claimed)
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            steps = self.script.get(claimed.target, [])
            step = steps.pop(0) if steps else Result(status=200)
            if isinstance(step, Exception):
                raise step
            return await step(claimed) if callable(step) else step
        finally:
            self.busy -= 1

    @property
    def targets(self) -> list[str]:
        return [claimed.target for claimed in self.made]


Make = Callable[..., DeliveryWorker]


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture
async def make(
    box: InboundWorld, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Make]:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(module, "SHUTDOWN_SECONDS", 0.5)
    workers: list[DeliveryWorker] = []

    def make(**changes: Any) -> DeliveryWorker:
        options = {
            "plan": RetryPlan(0.01),
            "concurrency": 8,
            "alone": not box.database.shared,
            **changes,
        }
        senders = dict.fromkeys(Kind, scripted)
        made = DeliveryWorker(
            box.database, box.world.sealer, senders, lambda _tenant: ("s" * 32,), **options
        )
        workers.append(made)
        return made

    yield make
    for worker in workers:
        await worker.stop()


async def add(box: InboundWorld, *keys: str, validity_ms: int = DAY) -> None:
    """A message with a delivery for each key."""
    stored = await box.one()
    targets = [Target(Kind.WEBHOOK, key, f"https://{key}.example/") for key in keys]
    handover = Handover(stored.inbox_id or "", "default", targets)
    await box.database.write(
        lambda c: add_many(c, [handover], now=now_ms(), validity_ms=validity_ms)
    )


async def test_everything_is_delivered(box: InboundWorld, scripted: Scripted, make: Make) -> None:
    counted: list[tuple[str, str]] = []
    worker = make(on_outcome=lambda *told: counted.append(told))
    await add(box, *(f"t{n}" for n in range(30)))
    await worker.start()
    assert worker.running
    rows = await box.settled("delivered")
    assert len(scripted.made) == len(rows) == 30
    assert {(row.status, row.attempts, row.lease_owner) for row in rows} == {(200, 1, None)}
    await worker.stop()
    assert not worker.running
    assert counted == [("webhook", "delivered")] * 30


async def test_new_work_is_taken_when_told(
    box: InboundWorld, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 60)
    worker = make()
    await worker.start()
    await asyncio.sleep(0.05)
    await add(box, "a")
    worker.notify()
    await box.settled("delivered")


async def test_tried_again_until_it_works(
    box: InboundWorld, scripted: Scripted, make: Make
) -> None:
    failure = Result(Why.BAD_STATUS, status=500)
    scripted.script["a"] = [failure, Result(Why.NO_ANSWER), RuntimeError("a bug"), failure]
    await add(box, "a")
    with structlog.testing.capture_logs() as logs:
        await make().start()
        (row,) = await box.settled("delivered")
    assert (row.attempts, row.reason) == (5, None)
    assert [claimed.attempts for claimed in scripted.made] == [1, 2, 3, 4, 5]
    assert {claimed.delivery_id for claimed in scripted.made} == {row.delivery_id}
    assert [entry["why"] for entry in logs if entry["event"] == "message not delivered"] == [
        "bad_status",
        "no_answer",
        "internal",
        "bad_status",
    ]
    for word in ("canary", "+1555", "https://"):
        assert word not in str(logs)


async def test_ends(box: InboundWorld, scripted: Scripted, make: Make) -> None:
    scripted.script = {
        "dead": [Result(Why.MAIL_REFUSED, final=True, status=550)],
        "loop": [Result(Why.LOOP, final=True, skip=True)],
    }
    await add(box, "dead", "loop", "fine")
    await make().start()
    rows = {row.target: row for row in await box.settled("delivered", "dead", "skipped")}
    assert (rows["dead"].state, rows["dead"].reason, rows["dead"].status) == (
        "dead",
        "mail_refused",
        550,
    )
    assert (rows["loop"].state, rows["loop"].reason) == ("skipped", "loop")
    assert rows["fine"].state == "delivered"


async def test_given_up_when_its_time_is_over(
    box: InboundWorld, scripted: Scripted, make: Make
) -> None:
    scripted.script["a"] = [Result(Why.NO_ANSWER)] * 99
    await add(box, "a", validity_ms=200)
    await make().start()
    (row,) = await box.settled("dead")
    assert row.reason == "no_answer"
    assert 1 < row.attempts < 20


async def test_an_endpoint_that_is_gone_is_disabled(
    box: InboundWorld, scripted: Scripted, make: Make
) -> None:
    gone = await box.endpoint("default", "https://a.example/")
    well = await box.endpoint("default", "https://b.example/")
    scripted.script[gone] = [Result(Why.GONE, final=True, status=410)]
    await box.one()
    worker = make()
    await worker.start()
    rows = {row.target: row.state for row in await box.settled("dead", "delivered")}
    assert rows == {gone: "dead", well: "delivered"}
    found = await box.database.read(
        lambda c: c.exec_driver_sql("SELECT id, disabled_reason FROM endpoints").all()
    )
    assert dict(tuple(row) for row in found) == {gone: "gone", well: None}


async def test_what_cannot_be_delivered_is_not_tried(
    box: InboundWorld, scripted: Scripted, make: Make
) -> None:
    key = await box.endpoint("default", "https://a.example/")
    await box.one()
    await box.database.write(lambda c: c.exec_driver_sql("DELETE FROM endpoints").rowcount)
    await make().start()
    (row,) = await box.settled("dead")
    assert (row.target, row.reason) == (key, "endpoint_removed")
    assert scripted.made == []


async def test_a_slow_target_does_not_hold_up_the_others(
    box: InboundWorld, scripted: Scripted, make: Make
) -> None:
    free = asyncio.Event()

    async def slow(_claimed: Claimed) -> Result:
        await free.wait()
        return Result(status=200)

    slow_key = await box.endpoint("default", "https://slow.example/")
    await box.endpoint("default", "https://quick.example/")
    scripted.script[slow_key] = [slow] * 20
    for n in range(20):
        await box.one(sms(f"m-{n}"))
    worker = make(concurrency=2)
    await worker.start()

    async def quick_done() -> bool:
        rows = await box.deliveries()
        return all(row.state == "delivered" for row in rows if row.target != slow_key)

    await _until(quick_done)
    assert scripted.targets.count(slow_key) == 2
    free.set()
    await box.settled("delivered")
    assert scripted.targets.count(slow_key) == 20


async def test_a_dead_target_rests(box: InboundWorld, scripted: Scripted, make: Make) -> None:
    key = await box.endpoint("default", "https://dead.example/")
    broken = Result(Why.NO_ANSWER, broken=True)
    scripted.script[key] = [broken] * 100
    for n in range(20):
        await box.one(sms(f"m-{n}"), now=now_ms())
    worker = make(concurrency=2)
    with structlog.testing.capture_logs() as logs:
        await worker.start()

        async def put_off() -> bool:
            rows = await box.deliveries()
            return all(row.next_attempt_at > now_ms() + 3_000 for row in rows)

        await _until(put_off)
    tried = scripted.targets.count(key)
    assert FAILURES <= tried < FAILURES + 4
    assert any(entry["event"] == "target rests" for entry in logs)
    await add(box, "well")
    worker.notify()

    async def well() -> bool:
        return "well" in scripted.targets

    await _until(well)


async def test_several_workers_deliver_each_once(
    box: InboundWorld, scripted: Scripted, make: Make
) -> None:
    await add(box, *(f"t{n}" for n in range(60)))
    for worker in [make(alone=False) for _ in range(3)]:
        await worker.start()
    await box.settled("delivered")
    assert sorted(scripted.targets) == sorted(f"t{n}" for n in range(60))


async def test_a_crash_s_deliveries_are_taken_up_at_once(box: InboundWorld, make: Make) -> None:
    await add(box, "a")
    await box.change(lease_owner="gone", next_attempt_at=now_ms() + DAY)
    await make(alone=True).start()
    await box.settled("delivered")


async def test_what_is_under_way_is_finished_at_the_stop(
    box: InboundWorld, scripted: Scripted, make: Make
) -> None:
    async def slow(_claimed: Claimed) -> Result:
        await asyncio.sleep(0.2)
        return Result(status=200)

    scripted.script["a"] = [slow]
    await add(box, "a")
    worker = make()
    await worker.start()

    async def begun() -> bool:
        return bool(scripted.made)

    await _until(begun)
    await worker.stop()
    assert (await box.delivery()).state == "delivered"


async def test_what_hangs_at_the_stop_is_left_for_the_next(
    box: InboundWorld, scripted: Scripted, make: Make
) -> None:
    scripted.script["a"] = [lambda _claimed: asyncio.sleep(60)]
    await add(box, "a")
    worker = make()
    await worker.start()

    async def begun() -> bool:
        return bool(scripted.made)

    await _until(begun)
    await worker.stop()
    assert (await box.delivery()).state == "queued"
    await make(alone=True).start()
    await box.settled("delivered")


async def test_a_database_that_goes_away_and_comes_back(
    box: InboundWorld, scripted: Scripted, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind: type[Database] = type(box.database)
    real, away = kind.write, [DatabaseUnavailable("away"), RuntimeError("odd")]
    told = asyncio.Event()

    async def write(self: Any, work: Any) -> Any:
        if away and told.is_set():
            raise away.pop()
        return await real(self, work)

    async def answer(_claimed: Claimed) -> Result:
        away.append(DatabaseUnavailable("away again"))
        told.set()
        return Result(status=200)

    scripted.script["a"] = [answer]
    await add(box, "a")
    monkeypatch.setattr(kind, "write", write)
    await make().start()
    await box.settled("delivered")
    assert len(scripted.made) == 1


async def test_an_outcome_that_cannot_be_stored(
    box: InboundWorld, scripted: Scripted, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OUTCOME_TRIES", 1)
    kind: type[Database] = type(box.database)
    real = kind.write
    down = asyncio.Event()

    async def write(self: Any, work: Any) -> Any:
        if down.is_set():
            raise DatabaseUnavailable("away")
        return await real(self, work)

    async def answer(_claimed: Claimed) -> Result:
        down.set()
        return Result(status=200)

    scripted.script["a"] = [answer]
    await add(box, "a")
    monkeypatch.setattr(kind, "write", write)
    with structlog.testing.capture_logs() as logs:
        worker = make()
        await worker.start()

        async def lost() -> bool:
            return any(entry["event"] == "outcome of a delivery not stored" for entry in logs)

        await _until(lost)
        await worker.stop()
    down.clear()
    row = await box.delivery()
    assert (row.state, row.lease_owner is None) == (State.QUEUED, False)


async def test_no_more_at_once_than_a_process_takes(
    box: InboundWorld, scripted: Scripted, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 3)

    async def slow(_claimed: Claimed) -> Result:
        await asyncio.sleep(0.02)
        return Result(status=200)

    scripted.script = {f"t{n}": [slow] for n in range(10)}
    await add(box, *scripted.script)
    await make().start()
    await box.settled("delivered")
    assert scripted.most <= 3


async def _until(condition: Callable[[], Any], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)
