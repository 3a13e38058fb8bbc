"""The ledger: what callers were told, what we say became of it, and what the provider saw."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import aiohttp

from tests.acceptance.faults.callers import Told
from tests.acceptance.faults.provider import SILENT, TIMEOUT_SECONDS, Provider, Seen
from tests.acceptance.faults.world import Blow
from tests.serving import Serving

FINAL = frozenset({"sent", "delivered", "undelivered", "failed", "expired", "canceled"})
NEVER_LEFT = frozenset({"failed", "expired", "canceled"})
ASKERS = 8
POLL_SECONDS = 0.3
CLOCK_SECONDS = 0.1
"""How far the moments of two processes may be apart."""


class Books(Protocol):
    """A ledger of whatever kind; its text is its sums."""

    def check(self) -> None:
        """Raises AssertionError when it does not balance."""


@dataclass(slots=True)
class Ledger:
    """Sums, and the messages behind those that must be nothing.

    Attributes:
        states: accepted messages by their state in the end.
        at_provider: requests the provider saw.
        faults: what happened meanwhile, in words.
        lost: accepted, and neither sent nor known to be unsent.
        doubled: taken by the provider more than once.
        wrong: said not to have left, but the provider took it.
        groundless: `unknown` although nothing was ambiguous.
        strays: at the provider, though nobody asked for it, or two ids for one request.
    """

    name: str
    faults: str
    states: Counter[str] = field(default_factory=Counter)
    at_provider: int = 0
    refused: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    groundless: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Messages answered with 200."""
        return self.states.total()

    def check(self) -> None:
        """accepted = final + unknown, nothing lost, nothing doubled.

        Raises:
            AssertionError: shows the ledger and the messages.
        """
        for name in ("lost", "doubled", "wrong", "groundless", "strays"):
            found: list[str] = getattr(self, name)
            assert not found, f"{name}: {found[:10]}\n{self}"
        final = sum(self.states[state] for state in FINAL)
        assert self.accepted == final + self.states["unknown"], str(self)

    def __str__(self) -> str:
        states = ", ".join(f"{state} {count}" for state, count in sorted(self.states.items()))
        return (
            f"{self.name}: accepted {self.accepted} = {states or 'none'}; lost {len(self.lost)},"
            f" doubled {len(self.doubled)}, wrongly failed {len(self.wrong)}, unknown without cause"
            f" {len(self.groundless)}, strays {len(self.strays)}; requests at the provider"
            f" {self.at_provider}, callers refused {self.refused}; {self.faults}"
        )


async def settled(server: Serving, ids: Iterable[str], seconds: float) -> dict[str, dict[str, Any]]:
    """Every message as the server tells of it, once none is under way or the time is over."""
    found: dict[str, dict[str, Any]] = {}
    waiting = list(ids)
    end = asyncio.get_running_loop().time() + seconds
    async with server.session() as http:
        while True:
            found |= await _ask(http, waiting)
            waiting = [one for one in waiting if found[one]["status"] not in {*FINAL, "unknown"}]
            if not waiting or asyncio.get_running_loop().time() > end:
                return found
            await asyncio.sleep(POLL_SECONDS)


async def _ask(http: aiohttp.ClientSession, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    places = asyncio.Semaphore(ASKERS)

    async def one(message_id: str) -> tuple[str, dict[str, Any]]:
        async with places, http.get(f"/sms/status/{message_id}") as response:
            if response.status == 404:
                return message_id, {"status": "not there", "attempts": []}
            response.raise_for_status()
            return message_id, await response.json()

    return dict(await asyncio.gather(*map(one, ids)))


def balance(
    name: str,
    told: Told,
    views: Mapping[str, Mapping[str, Any]],
    provider: Provider,
    blows: Sequence[Blow],
    faults: str,
) -> Ledger:
    """Compare all three.

    Args:
        views: the server's word on each accepted message.
        blows: kills and pauses: what was under way then may be ambiguous.
        faults: what happened, in words.
    """
    ledger = Ledger(name, faults, refused=told.refused.total())
    ledger.states = Counter(view["status"] for view in views.values())
    ledger.at_provider = sum(map(len, provider.seen.values()))
    for message_id, view in views.items():
        requests = provider.seen.get(message_id, [])
        taken = sum(request.taken for request in requests)
        state = view["status"]
        if state == "not there" or (state in {"sent", "delivered"} and not taken):
            ledger.lost.append(message_id)
        if state in NEVER_LEFT and taken:
            ledger.wrong.append(message_id)
        if state == "unknown" and not _ambiguous(view["attempts"], requests, blows):
            ledger.groundless.append(f"{message_id}: {view['attempts']}, provider: {requests}")
    for message_id, requests in provider.seen.items():
        if sum(request.taken for request in requests) > 1:
            ledger.doubled.append(message_id)
        if message_id not in views and requests[0].reference not in told.unanswered:
            ledger.strays.append(f"{message_id} for {requests[0].reference}")
    ledger.strays += [reference for reference, ids in told.accepted.items() if len(ids) > 1]
    ledger.strays += _asked_once(told, provider)
    return ledger


def _asked_once(told: Told, provider: Provider) -> list[str]:
    """Unanswered requests for which the provider got more than one message."""
    ids: dict[str, set[str]] = {reference: set() for reference in told.unanswered}
    for message_id, requests in provider.seen.items():
        if requests[0].reference in ids:
            ids[requests[0].reference].add(message_id)
    return [reference for reference, several in ids.items() if len(several) > 1]


def _ambiguous(
    attempts: Sequence[Mapping[str, Any]], requests: Sequence[Seen], blows: Sequence[Blow]
) -> bool:
    """Whether the last attempt says so, and the provider, a blow or the clock bears it out."""
    if not attempts or attempts[-1]["outcome"] != "ambiguous" or not attempts[-1]["finished_at"]:
        return False
    started, finished = (_moment(attempts[-1][name]) for name in ("started_at", "finished_at"))
    since, until = started - CLOCK_SECONDS, finished + CLOCK_SECONDS
    silent = any(since <= request.at <= until and request.act in SILENT for request in requests)
    struck = any(blow.since <= until and since <= blow.until for blow in blows)
    return silent or struck or finished - started >= TIMEOUT_SECONDS


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
