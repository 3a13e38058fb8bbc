"""Work that goes on beside the servers."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from enum_backend import rounds as module
from enum_backend.errors import DatabaseUnavailable
from enum_backend.rounds import Rounds


class Work:
    """Raises what the script says, then succeeds."""

    def __init__(self, *script: Exception | None) -> None:
        self.script = list(script)
        self.done = 0
        self.round = asyncio.Event()

    async def __call__(self) -> None:
        step = self.script.pop(0) if self.script else None
        if step is not None:
            raise step
        self.done += 1
        self.round.set()

    async def next(self) -> None:
        await asyncio.wait_for(self.round.wait(), 30)
        self.round.clear()


async def test_outlives_what_it_meets_and_says_each_trouble_once() -> None:
    work = Work(
        DatabaseUnavailable(), DatabaseUnavailable(), ValueError("canary"), None, ValueError("b")
    )
    rounds = Rounds("things", work, pause=0.001)
    with capture_logs() as logs:
        rounds.start()
        await work.next()
        await work.next()
        await rounds.stop()
    assert [item["error"] for item in logs] == ["DatabaseUnavailable", "ValueError", "ValueError"]
    assert "canary" not in str(logs)


async def test_is_woken_and_may_be_started_again() -> None:
    work = Work()
    rounds = Rounds("things", work, pause=3600)
    await rounds.stop()
    for _ in range(2):
        rounds.start()
        await work.next()
        rounds.notify()
        await work.next()
        await rounds.stop()
    assert work.done == 4


async def test_the_first_round_after_a_pause() -> None:
    work = Work()
    rounds = Rounds("things", work, pause=3600, at_once=False)
    rounds.start()
    await asyncio.sleep(0)
    assert work.done == 0
    await rounds.stop()
    assert work.done == 0


async def test_what_hangs_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.01)
    begun = asyncio.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.sleep(3600)

    rounds = Rounds("things", hang, pause=1)
    rounds.start()
    await asyncio.wait_for(begun.wait(), 30)
    await rounds.stop()
    begun.clear()
    rounds.start()
    await asyncio.wait_for(begun.wait(), 30)
    await rounds.stop()
