"""Says for each code that is asked for whether it is sent, and keeps a record of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import re2
from sqlalchemy import Connection

from enum_backend.clock import now_ms
from enum_backend.errors import BlockedByFraudGuard, EnumBackendError, Forbidden
from enum_backend.settings.verification import FraudSettings
from enum_backend.storage import Database
from enum_backend.verification.fraud import counts, decisions, formula
from enum_backend.verification.fraud.counts import Place, place_of
from enum_backend.verification.fraud.decisions import Decision, Verdict
from enum_backend.verification.fraud.formula import Tally
from enum_backend.verification.fraud.journal import Record, event_of

COUNTRY_BLOCKED: Final = "country_blocked"
MOST: Final = 500
"""Decisions of one page."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the guard says of one request, before it is written down."""

    place: Place
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    allowed_by: str | None = None
    retry_after: float = 0.0

    @property
    def refusal(self) -> EnumBackendError:
        """The error of a request that is blocked."""
        if COUNTRY_BLOCKED in self.reasons:
            return Forbidden("No codes are sent to numbers of this country.")
        return BlockedByFraudGuard(retry_after=self.retry_after)


class FraudGuard:
    """The guard of one server.

    Args:
        record: keeps an event in the caller's transaction.
        on_decision: called after the commit of each decision.
    """

    def __init__(
        self,
        database: Database,
        settings: FraudSettings,
        *,
        record: Record = lambda connection, event: None,
        on_decision: Callable[[Decision], None] = lambda decision: None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._networks = [ipaddress.ip_network(n, strict=False) for n in settings.allow_networks]
        self._numbers = [re2.compile(pattern) for pattern in settings.allow_numbers]
        self._record = record
        self.on_decision = on_decision

    def judge(
        self, connection: Connection, number: str, ip: str | None, tally: Tally, now: int
    ) -> Judgement:
        """Whether a code goes to `+E.164`, asked for from an address; writes nothing.

        Args:
            tally: what is counted for them (`counts.tally`).
        """
        place = place_of(number, ip)
        country = place.country
        if country in self._settings.blocked:
            return Judgement(place, Verdict.BLOCKED, (COUNTRY_BLOCKED,))
        exceeded = {}
        if self._settings.action != "off":
            exceeded = formula.warnings(
                tally,
                country,
                factor=self._factor(country),
                prefix_per_hour=self._settings.prefix_per_hour,
            )
        if not exceeded:
            return Judgement(place, Verdict.ALLOWED)
        reasons = tuple(warning.value for warning in exceeded)
        allowed_by = self._allowed_by(number, country, ip)
        if allowed_by is not None or self._settings.action != "deny":
            return Judgement(place, Verdict.FLAGGED, reasons, allowed_by)
        wait = counts.seconds_until(connection, place, exceeded, now)
        return Judgement(place, Verdict.BLOCKED, reasons, retry_after=max(wait, 1.0))

    def write(self, connection: Connection, decision: Decision) -> Decision:
        """Write a decision down; one with reasons goes to the audit log as well."""
        if decision.reasons:
            self._record(connection, event_of(decision))
        return replace(decision, id=decisions.store(connection, decision))

    def _factor(self, country: str) -> float:
        if country in self._settings.high_risk:
            return self._settings.high_risk_factor
        return self._settings.low_risk_factor if country in self._settings.low_risk else 1.0

    def _allowed_by(self, number: str, country: str, ip: str | None) -> str | None:
        if ip is not None and any(ipaddress.ip_address(ip) in net for net in self._networks):
            return "network"
        if country in self._settings.allow_countries:
            return "country"
        if any(pattern.fullmatch(number) for pattern in self._numbers):
            return "number"
        return None

    async def decisions(
        self,
        after: int | None = None,
        limit: int = 100,
        *,
        verdicts: Sequence[str] = (),
        tenant: str | None = None,
    ) -> list[Decision]:
        """Newest first.

        Args:
            after: id of the last one of the page before.
            verdicts: only these, empty = all.
            tenant: None = of all tenants.
        """
        return await self._database.read(
            lambda c: decisions.page(
                c, after=after, limit=min(limit, MOST), verdicts=verdicts, tenant=tenant
            )
        )

    async def prune(self) -> int:
        """Forget old decisions, and counts that no window reaches; how many decisions."""
        now = now_ms()
        before = now - int(self._settings.keep * 1000)

        def work(connection: Connection) -> int:
            counts.prune(connection, now)
            return decisions.prune(connection, before)

        return await self._database.write(work)
