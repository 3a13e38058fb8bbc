"""Keeps phones reporting to us: registers our webhooks at the start, and again when they are lost.

A phone that is away, or was set up anew, is found again at one of the later looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from enum_backend.gateways.android import AndroidGateway
from enum_backend.gateways.base import GatewayError

log = structlog.get_logger("enum_backend.gateways.android")

ROUND_SECONDS = 120.0
"""Longest wait for all phones of one gateway."""


class WebhookKeeper:
    """One task for each gateway; none of them ever holds anything up.

    Args:
        gateways: those whose phones may be asked.
        address: the URL that a gateway's phones report to.
        again: seconds between two looks at registrations that stand.
        pause, longest: seconds before a failed round is repeated, doubling up to `longest`.
    """

    def __init__(
        self,
        gateways: Sequence[AndroidGateway],
        address: Callable[[AndroidGateway], str],
        *,
        again: float = 3600.0,
        pause: float = 10.0,
        longest: float = 900.0,
    ) -> None:
        self._gateways = tuple(gateways)
        self._address = address
        self._again = again
        self._pause = pause
        self._longest = longest
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; returns at once."""
        self._tasks = [
            asyncio.create_task(self._keep(gateway), name=f"webhooks {gateway.name}")
            for gateway in self._gateways
        ]

    async def stop(self) -> None:
        """End; what is under way is broken off."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, gateway: AndroidGateway) -> None:
        pause = self._pause
        known = False
        while True:
            if await self._round(gateway, quiet=known):
                known, pause = True, self._pause
                await asyncio.sleep(self._again)
            else:
                known = False
                await asyncio.sleep(pause)
                pause = min(pause * 2, self._longest)

    async def _round(self, gateway: AndroidGateway, *, quiet: bool) -> bool:
        """Whether all phones report to us now."""
        url = self._address(gateway)
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                await gateway.register_webhooks(url)
        except GatewayError as error:
            why = f"{error.reason}: {error.detail}" if error.detail else str(error.reason)
        except TimeoutError:
            why = "no answer in time"
        except Exception as error:
            # The task must outlive whatever it meets: nobody would register any more.
            why = f"unexpected {type(error).__name__}"
        else:
            (log.debug if quiet else log.info)("phones report to us", gateway=gateway.name, url=url)
            return True
        log.warning("phones do not all report to us", gateway=gateway.name, why=why)
        return False
