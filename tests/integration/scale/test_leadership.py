"""One leader at a time, by a lock in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from enum_backend.storage import leadership as module
from enum_backend.storage.leadership import Leadership
from tests.databases import PostgresServer, seen
from tests.unit.gateways.wire_server import closed_port

END_LEADERS = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'enum-backend leader'"
)


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.fresh()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.02)


class Told:
    """A duty that notes what it is told."""

    def __init__(self, *takes: bool | Exception) -> None:
        self.takes = list(takes)
        self.told: list[str] = []

    async def take(self) -> bool:
        answer = self.takes.pop(0) if self.takes else True
        self.told.append("take")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def leave(self) -> None:
        self.told.append("leave")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_the_next_one_takes_over(url: str) -> None:
    duties = [Told(), Told(), Told()]
    one, two, other = (
        Leadership(url, topic, duty) for topic, duty in zip(("a", "a", "b"), duties, strict=True)
    )
    for leader in (one, two, other):
        await leader.start()
    assert [leader.on_duty for leader in (one, two, other)] == [True, False, True]
    await asyncio.sleep(0.1)
    assert [duty.told for duty in duties] == [["take"], [], ["take"]]
    await one.close()
    await until(lambda: two.on_duty)
    await two.close()
    await other.close()
    assert [duty.told for duty in duties] == [["take"]] * 3, "who ends is told by its owner"


async def test_a_lost_connection_is_no_lost_duty(url: str) -> None:
    duty = Told()
    leader = Leadership(url, "a", duty)
    await leader.start()
    for _ in range(3):
        assert await asyncio.to_thread(seen, url, lambda c: c.scalar(END_LEADERS)) >= 1
        await asyncio.sleep(0.1)
        assert leader.on_duty
    assert duty.told == ["take"]
    await leader.close()


async def test_who_finds_another_leading_leaves(url: str) -> None:
    duties = [Told(), Told()]
    one, two = (Leadership(url, "a", duty) for duty in duties)
    await one.start()
    await two.start()
    one._url = f"postgresql://u@127.0.0.1:{closed_port()}/x"
    await asyncio.to_thread(seen, url, lambda c: c.scalar(END_LEADERS))
    await until(lambda: two.on_duty)
    assert one.on_duty, "cut off from the server it cannot know"
    one._url = url
    await until(lambda: not one.on_duty)
    assert [duty.told for duty in duties] == [["take", "leave"], ["take"]]
    await two.close()
    await until(lambda: one.on_duty)
    await one.close()


async def test_a_duty_that_cannot_be_taken_yet(url: str) -> None:
    duty = Told(False, False, ValueError("odd"), False)
    leader = Leadership(url, "a", duty)
    with capture_logs() as logs:
        await leader.start()
        assert not leader.on_duty
        await until(lambda: leader.on_duty)
    assert duty.told == ["take"] * 5
    assert [item["error"] for item in logs if item["event"] == "leadership failed"] == [
        "ValueError"
    ]
    await leader.close()


async def test_without_a_server() -> None:
    leader = Leadership(f"postgresql://u:canary@127.0.0.1:{closed_port()}/x", "a", Told())
    with capture_logs() as logs:
        await leader.start(0.5)
    assert not leader.on_duty
    assert logs[0]["event"] == "leadership is open"
    assert "canary" not in str(logs)
    await leader.close()
    await Leadership("postgresql://x/x", "a", Told()).close()
