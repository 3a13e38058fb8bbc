"""Callers of `POST /sms/send` that live through every fault and write down what they were told."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from tests.serving import Serving

CALL_SECONDS = 5.0
PAUSE_SECONDS = 0.1


@dataclass(slots=True)
class Told:
    """What callers know.

    Attributes:
        accepted: message ids by the caller's reference; one each, or something is wrong.
        unanswered: references whose last request got no answer: perhaps accepted.
        refused: answers other than 200 by status.
    """

    accepted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    unanswered: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)

    @property
    def ids(self) -> set[str]:
        """All message ids answered with 200."""
        return set().union(*self.accepted.values())


class Callers:
    """Some callers at once.

    Args:
        server: tells which server to call now; None while there is none.
        pause: seconds between two messages of one caller.
    """

    def __init__(
        self,
        server: Callable[[], Serving | None],
        dice: random.Random,
        *,
        callers: int,
        pause: float,
    ) -> None:
        self.told = Told()
        self._server = server
        self._dice = dice
        self._pause = pause
        self._stop = False
        self._callers = callers
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Callers:
        first = self._server()
        assert first is not None
        # One key at every server: what a caller repeats elsewhere is still its own.
        self._headers = {"Authorization": f"Bearer {first.api_key}"}
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS))
        self._tasks = [asyncio.create_task(self._call(n)) for n in range(self._callers)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop = True
        try:
            await asyncio.gather(*self._tasks)
        finally:
            await self._http.close()

    async def _call(self, caller: int) -> None:
        number = 0
        while not self._stop:
            number += 1
            await self._send(f"c{caller}-{number}", f"+1555{caller:03}{number:04}")
            await asyncio.sleep(self._pause * self._dice.uniform(0.5, 1.5))

    async def _send(self, reference: str, to: str) -> None:
        """One message; half of those that get no answer are repeated, as real callers differ."""
        repeats = self._dice.random() < 0.5
        while True:
            status = await self._once(reference, to)
            if status == 200:
                self.told.unanswered.discard(reference)
                return
            if status:
                self.told.refused[status] += 1
            else:
                self.told.unanswered.add(reference)
            if self._stop or not (repeats or status):
                return
            await asyncio.sleep(PAUSE_SECONDS)

    async def _once(self, reference: str, to: str) -> int:
        """The answer's status, 0 for none."""
        server = self._server()
        if server is None:
            await asyncio.sleep(PAUSE_SECONDS)
            return 503
        try:
            async with self._http.post(
                f"{server.http_url}/sms/send",
                headers=self._headers,
                json={"to": to, "message": reference, "client_reference": reference},
            ) as response:
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError):
            return 0
        if response.status == 200:
            self.told.accepted[reference].add(answer["message_id"])
        return response.status
