"""A provider that calls our webhook until it is answered with 2xx, and sometimes once more."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

import aiohttp

from tests.serving import Serving
from tests.telnyx_webhooks import PATH, TelnyxSigner

CALL_SECONDS = 3.0
PAUSE_SECONDS = 0.1
REPEATED = 0.1
"""Share of the events that come again although they were answered."""


class WebhookCallers:
    """Some connections at once; each message is known by its sender's number.

    Attributes:
        accepted: senders of messages answered with 2xx.
        unanswered: senders of messages never answered so: perhaps stored.
        refused: other answers by status.
    """

    def __init__(
        self,
        server: Callable[[], Serving | None],
        signer: TelnyxSigner,
        dice: random.Random,
        *,
        callers: int,
        pause: float,
    ) -> None:
        self.accepted: set[str] = set()
        self.unanswered: set[str] = set()
        self.refused: Counter[int] = Counter()
        self._server = server
        self._signer = signer
        self._dice = dice
        self._callers = callers
        self._pause = pause
        self._stop = False

    async def __aenter__(self) -> WebhookCallers:
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
            await self._report(f"+1555{caller:03}{number:04}")
            await asyncio.sleep(self._pause * self._dice.uniform(0.5, 1.5))

    async def _report(self, sender: str) -> None:
        body = self._signer.received(sender, f"from {sender}")
        self.unanswered.add(sender)
        while not self._stop:
            status = await self._once(body)
            if 200 <= status < 300:
                self.unanswered.discard(sender)
                self.accepted.add(sender)
                if self._dice.random() >= REPEATED:
                    return
            elif status:
                self.refused[status] += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _once(self, body: bytes) -> int:
        """The answer's status, 0 for none."""
        server = self._server()
        if server is None:
            return 0
        try:
            async with self._http.post(
                f"{server.http_url}{PATH}", data=body, headers=self._signer.headers(body)
            ) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return 0
