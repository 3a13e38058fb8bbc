"""Spend alerts: each level once a day and per scope, told until it gets through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from enum_backend.clock import now_ms
from enum_backend.messaging.policy import alerts
from enum_backend.messaging.policy.alerts import DAY_MS, SpendAlert, crossed
from enum_backend.messaging.policy.announcer import Announcer, NotTold
from enum_backend.storage import Database
from enum_backend.storage.tables import metadata
from tests.unit.policy.policy_kit import NOW

LIMIT = Decimal("50.00")


async def spend(database: Database, used: str, *, scope: str = "all", now: int = NOW) -> list[int]:
    return await database.write(lambda c: crossed(c, scope, Decimal(used), LIMIT, now))


async def test_each_level_once_a_day(database: Database) -> None:
    assert await spend(database, "24.9999") == []
    assert await spend(database, "25") == [50]
    assert await spend(database, "39") == []
    assert await spend(database, "50") == [80, 100]
    assert await spend(database, "75") == []
    assert await spend(database, "75", scope="tenant:acme") == [50, 80, 100]
    assert await spend(database, "26", now=NOW + DAY_MS) == [50]
    found = await database.read(alerts.page)
    assert [(item.scope, item.level) for item in found[-3:]] == [
        ("all", 100),
        ("all", 80),
        ("all", 50),
    ]
    assert (found[-1].used, found[-1].limit, found[-1].raised_at) == (Decimal(25), LIMIT, NOW)
    assert [item.level for item in found] == [50, 100, 80, 50, 100, 80, 50]
    assert {item.kind for item in found} == {"all", "tenant"}


async def test_pages(database: Database) -> None:
    await spend(database, "50")
    found = await database.read(alerts.page)
    assert await database.read(lambda c: alerts.page(c, limit=1)) == found[:1]
    assert await database.read(lambda c: alerts.page(c, before=found[0].id)) == found[1:]


async def test_no_limit_no_alert(database: Database) -> None:
    assert await database.write(lambda c: crossed(c, "all", Decimal(9), Decimal(0), NOW)) == []


async def test_what_is_undone_was_not_raised(database: Database) -> None:
    def work(connection: object) -> None:
        crossed(connection, "all", LIMIT, LIMIT, NOW)  # type: ignore[arg-type]
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        await database.write(work)
    assert await spend(database, "50") == [50, 80, 100]


@given(st.lists(st.integers(1, 900), min_size=1, max_size=40))
def test_however_it_is_spent_each_level_is_raised_once(amounts: list[int]) -> None:
    engine = create_engine("sqlite://")
    raised: list[int] = []
    used = Decimal(0)
    with engine.begin() as connection:
        metadata.tables["spend_alerts"].create(connection)
        for amount in amounts:
            used += Decimal(amount) / 100
            raised += crossed(connection, "all", used, LIMIT, NOW)
    engine.dispose()
    assert raised == [level for level in alerts.LEVELS if used >= LIMIT * level / 100]


class Recorder:
    """A way that fails as often as it is told."""

    def __init__(self, name: str, failures: int = 0) -> None:
        self.name = name
        self.failures = failures
        self.told: list[int] = []

    async def tell(self, alert: SpendAlert) -> None:
        if self.failures:
            self.failures -= 1
            raise NotTold("no answer")
        self.told.append(alert.level)


async def make_due(database: Database) -> None:
    table = metadata.tables["spend_alerts"]
    query = table.update().where(table.c.next_attempt_at.is_not(None)).values(next_attempt_at=0)
    await database.write(lambda c: c.execute(query).rowcount)


async def test_told_by_every_way_once(database: Database) -> None:
    await spend(database, "26", now=now_ms())
    mail, hook = Recorder("email"), Recorder("webhook", failures=2)
    seen: list[tuple[str, int]] = []
    telling = Announcer(database, [mail, hook], on_alert=lambda *told: seen.append(told))
    with structlog.testing.capture_logs() as logs:
        assert await telling.announce() == 1
        assert await telling.announce() == 0
        for _ in range(3):
            await make_due(database)
            await telling.announce()
    assert (mail.told, hook.told, seen) == ([50], [50], [("all", 50)])
    near = [item for item in logs if item["event"] == "spend limit is near"]
    assert len(near) == 1
    assert (near[0]["log_level"], near[0]["used"], near[0]["limit"]) == (
        "warning",
        "26.00",
        "50.00",
    )
    (alert,) = await database.read(alerts.page)
    assert alert.told == ("email", "webhook")
    await make_due(database)
    assert await telling.announce() == 0


async def test_given_up_after_a_day(database: Database) -> None:
    await spend(database, "50", now=now_ms() - DAY_MS)
    hook = Recorder("webhook", failures=99)
    telling = Announcer(database, [hook])
    assert await telling.announce() == 3
    await make_due(database)
    assert await telling.announce() == 0


async def test_another_process_waits_for_the_lease(database: Database) -> None:
    await spend(database, "26", now=now_ms())
    now = now_ms()
    assert len(await database.write(lambda c: alerts.due(c, now, 60_000))) == 1
    assert await database.write(lambda c: alerts.due(c, now + 59_999, 60_000)) == []
    (again,) = await database.write(lambda c: alerts.due(c, now + 60_000, 60_000))
    assert again.attempts == 1


async def eventually(what: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(3):
        while not await what():
            await asyncio.sleep(0.01)


async def test_runs_beside_the_server(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await spend(database, "26", now=now_ms())
    hook = Recorder("webhook")
    telling = Announcer(database, [hook])
    await telling.stop()
    telling.start()

    async def has(levels: list[int]) -> bool:
        return hook.told == levels

    await eventually(lambda: has([50]))
    await spend(database, "41", now=now_ms())
    telling.notify()
    await eventually(lambda: has([50, 80]))
    await telling.stop()
