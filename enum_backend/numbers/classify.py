"""What kind of line a number is: by the numbering plan, and by asking a provider."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cachetools import TTLCache

from enum_backend.errors import CostLimitExceeded, DatabaseUnavailable
from enum_backend.gateways.base import Gateway, GatewayError, Reason
from enum_backend.gateways.inventory.base import LineLookup, LineReport, LineType
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.numbers.actor import lacks
from enum_backend.numbers.lookups import LookupBudget
from enum_backend.numbers.offline import OfflineReport, classify_offline

CACHE_SECONDS = 24 * 3600
CACHE_NUMBERS = 10_000


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Whether services that refuse VoIP numbers are likely to take this one.

    Attributes:
        likely: None when nothing known tells.
    """

    likely: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Classification:
    """Everything known about the kind of a number.

    Attributes:
        live: a provider's word, None when none was asked or none answered.
        live_gateway: who said it.
        live_error: why nobody said anything, empty when somebody did.
    """

    offline: OfflineReport
    live: LineReport | None
    live_gateway: str | None
    live_error: str
    acceptance: Acceptance

    @property
    def line_type(self) -> LineType:
        """The best that is known."""
        if self.live is not None and self.live.line_type is not LineType.UNKNOWN:
            return self.live.line_type
        return self.offline.line_type


@dataclass(frozen=True, slots=True)
class _Live:
    """What the look-ups brought.

    Attributes:
        refused: the provider surely charges nothing.
    """

    gateway: str | None = None
    report: LineReport | None = None
    error: str = ""
    refused: bool = False


class Classifier:
    """Classifies numbers; live answers are kept for a day, because they cost money.

    Args:
        lookups: provider -> its look-up class.
        budget: counts what look-ups cost; None = nobody counts.
        may_ask: False where nothing may be spent (simulation).
    """

    def __init__(
        self,
        registry: GatewayRegistry,
        lookups: Mapping[str, type[LineLookup[Any]]],
        *,
        budget: LookupBudget | None = None,
        may_ask: bool = True,
    ) -> None:
        self._registry = registry
        self._lookups = lookups
        self._budget = budget
        self._may_ask = may_ask
        self._kept: TTLCache[tuple[str, str], _Live] = TTLCache(CACHE_NUMBERS, CACHE_SECONDS)

    async def classify(self, number: str, *, live: bool, tenant: str) -> Classification:
        """Classify `+E.164`; `live` asks a provider unless the answer is known.

        A look-up that fails is reported, not raised: the offline part stands.
        """
        offline = classify_offline(number)
        found = _Live(error="not asked")
        if live and not self._may_ask:
            found = _Live(error="a simulation asks no provider")
        elif live:
            found = await self._live(number, tenant)
        verdict = acceptance(offline, found.report)
        return Classification(offline, found.report, found.gateway, found.error, verdict)

    async def _live(self, number: str, tenant: str) -> _Live:
        """The first gateway that knows the line; else the first that answered at all."""
        if kept := self._kept.get((tenant, number)):
            return kept
        best = _Live(error="no configured gateway has a live look-up")
        for gateway in self._registry:
            kind = self._lookups.get(gateway.provider)
            if kind is None or lacks(gateway) or gateway.options.tenant not in ("", tenant):
                continue
            found = await self._paid(kind(gateway), gateway, number, tenant)
            if found.report is not None and found.report.line_type is not LineType.UNKNOWN:
                best = found
                break
            if best.report is None:
                best = found
        if best.report is not None:
            self._kept[tenant, number] = best
        return best

    async def _paid(
        self, lookup: LineLookup[Any], gateway: Gateway, number: str, tenant: str
    ) -> _Live:
        """Ask one gateway, if there is money left for it."""
        if self._budget is None:
            return await _ask(lookup, gateway, number)
        try:
            held = await self._budget.hold(gateway, tenant, number)
        except (CostLimitExceeded, DatabaseUnavailable) as error:
            return _Live(error=f"{gateway.name}: not asked: {error.message}")
        found = await _ask(lookup, gateway, number)
        if found.refused:
            await self._budget.give_back(held)
        elif found.report is not None:
            await self._budget.settle(held, found.report.cost)
        return found


async def _ask(lookup: LineLookup[Any], gateway: Gateway, number: str) -> _Live:
    try:
        async with asyncio.timeout(gateway.options.timeout):
            return _Live(gateway.name, await lookup.look_up(number))
    except GatewayError as failure:
        # A look-up that got no answer may have been made.
        refused = failure.reason is not Reason.UNKNOWN
        return _Live(error=f"{gateway.name}: {failure.reason}", refused=refused)
    except TimeoutError:
        return _Live(error=f"{gateway.name}: no answer in time")


def acceptance(offline: OfflineReport, live: LineReport | None) -> Acceptance:
    """The likely verdict of services that refuse VoIP numbers, and why."""
    if live is not None and live.line_type is not LineType.UNKNOWN:
        return _verdict(live.line_type, "a live look-up says")
    if not offline.valid:
        return Acceptance(False, "the numbering plan has no such number, which most services check")
    if offline.line_type in (LineType.FIXED_OR_MOBILE, LineType.UNKNOWN):
        return Acceptance(None, "the numbering plan cannot tell; ask a live look-up")
    return _verdict(offline.line_type, "the numbering plan says")


def _verdict(line_type: LineType, source: str) -> Acceptance:
    word = line_type.value.replace("_", " ")
    if line_type is LineType.MOBILE:
        return Acceptance(True, f"{source} it is a mobile number")
    if line_type is LineType.FIXED_OR_MOBILE:
        return Acceptance(None, f"{source} only that it is fixed or mobile")
    if line_type is LineType.LANDLINE:
        return Acceptance(False, f"{source} it is a landline, which most services do not text")
    return Acceptance(False, f"{source} it is a {word} number, which many services refuse")
