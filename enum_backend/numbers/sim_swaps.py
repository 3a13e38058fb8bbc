"""Asks a provider whether the SIM of a number was changed lately; Twilio is the one that tells."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from cachetools import TTLCache

from enum_backend.errors import CostLimitExceeded, DatabaseUnavailable
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.gateways.inventory.twilio_sim_swap import SimReport, look_up_sim
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.gateways.twilio import TwilioGateway
from enum_backend.numbers.actor import lacks
from enum_backend.numbers.lookups import LookupBudget

CACHE_SECONDS: Final = 600.0
"""A code that is sent again is not looked up again."""
CACHE_NUMBERS: Final = 10_000
WAIT_SECONDS: Final = 3.0
"""Longest wait: somebody stands before a login."""

log = structlog.get_logger("enum_backend.sim_swaps")


class ProviderSimSwaps:
    """Look-ups at the configured gateways.

    Args:
        budget: counts what they cost.
        may_ask: False where nothing may be spent (simulation).
    """

    def __init__(
        self, registry: GatewayRegistry, budget: LookupBudget, *, may_ask: bool = True
    ) -> None:
        self._registry = registry
        self._budget = budget
        self._may_ask = may_ask
        self._kept: TTLCache[tuple[str, str], SimReport] = TTLCache(CACHE_NUMBERS, CACHE_SECONDS)

    async def swapped_since(self, number: str, since: int, tenant: str) -> bool | None:
        """Whether the SIM of `+E.164` was changed after a time (milliseconds).

        None = nobody knows: no gateway, no money, no answer. Never raises.
        """
        if not self._may_ask:
            return None
        report = self._kept.get((tenant, number)) or await self._ask(number, tenant)
        if report is None:
            return None
        self._kept[tenant, number] = report
        return report.changed_since(since)

    async def _ask(self, number: str, tenant: str) -> SimReport | None:
        for gateway in self._registry:
            shared = gateway.options.tenant in ("", tenant)
            if shared and isinstance(gateway, TwilioGateway) and not lacks(gateway):
                return await self._paid(gateway, number, tenant)
        return None

    async def _paid(self, gateway: TwilioGateway, number: str, tenant: str) -> SimReport | None:
        try:
            held = await self._budget.hold(gateway, tenant, number)
        except (CostLimitExceeded, DatabaseUnavailable) as error:
            log.warning("SIM not looked up", gateway=gateway.name, why=error.error_code)
            return None
        try:
            async with asyncio.timeout(min(gateway.options.timeout, WAIT_SECONDS)):
                return await look_up_sim(gateway, number)
        except GatewayError as error:
            log.warning("SIM not looked up", gateway=gateway.name, why=error.reason)
            # A look-up that got no answer may have been made.
            if error.reason is not Reason.UNKNOWN:
                await self._budget.give_back(held)
        except TimeoutError:
            log.warning("SIM not looked up", gateway=gateway.name, why="no answer in time")
        return None
