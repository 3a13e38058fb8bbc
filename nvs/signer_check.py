"""Asks a live node who signed a name's transaction: when it matters, once, and not for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from cachetools import TLRUCache

from nvs.consent import Consent, Question, consents
from nvs.errors import NvsUnavailable
from nvs.node_calls import NodeCalls
from nvs.number_record import Entry

CHECK_SECONDS = 2.0
"""Longest wait for one name; a resolver that asks us gives up after a few seconds."""

MAX_CHECKS = 256
"""Names of one number that are looked at; the rest is not believed."""

_ASK_AGAIN = {Consent.UNKNOWN: 60.0, Consent.UNREAD: 10.0}
"""Seconds; what was signed, and what was not, stays so."""


@runtime_checkable
class SignerSource(Protocol):
    """A source that can tell who signed; what others say of their entries stays as it is."""

    async def consent(self, entry: Entry) -> Consent:
        """Whether the entry's owner signed what it says. Never raises; takes seconds at most."""
        ...


async def with_consent(source: SignerSource, entries: Sequence[Entry]) -> dict[str, Entry]:
    """The entries by name, each with what the source says about its signer."""
    found = await asyncio.gather(*(source.consent(entry) for entry in entries[:MAX_CHECKS]))
    told = [*found, *[Consent.UNREAD] * (len(entries) - len(found))]
    return {
        entry.name: replace(entry, consent=consent)
        for entry, consent in zip(entries, told, strict=True)
    }


class SignerCheck:
    """Answers of one node, kept by transaction and owner."""

    def __init__(
        self,
        node: NodeCalls,
        *,
        max_entries: int = 10_000,
        seconds: float = CHECK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The caller closes the node."""
        self._node = node
        self._seconds = seconds
        self._kept: TLRUCache[Question, Consent] = TLRUCache(
            max_entries,
            ttu=lambda _, consent, now: now + _ASK_AGAIN.get(consent, float("inf")),
            timer=clock,
        )
        self._reads: dict[Question, asyncio.Task[Consent]] = {}

    async def consent(self, entry: Entry) -> Consent:
        """See `SignerSource`."""
        asked = Question(entry.txid, entry.address or "")
        kept = self._kept.get(asked)
        if kept is not None:
            return kept
        if (task := self._reads.get(asked)) is None:
            task = asyncio.get_running_loop().create_task(self._read(asked, entry.name))
            self._reads[asked] = task
            task.add_done_callback(lambda _: self._reads.pop(asked, None))
        # One who stops waiting must not stop the reading for the others.
        return await asyncio.shield(task)

    async def settle(self) -> None:
        """Wait for the reads that are under way; with the node closed they end at once."""
        await asyncio.gather(*self._reads.values(), return_exceptions=True)

    async def _read(self, asked: Question, name: str) -> Consent:
        try:
            async with asyncio.timeout(self._seconds):
                consent = await self._told(asked, name)
        except (NvsUnavailable, TimeoutError):
            consent = Consent.UNREAD
        self._kept[asked] = consent
        return consent

    async def _told(self, asked: Question, name: str) -> Consent:
        consent = (await consents(self._node.transactions, [asked]))[asked]
        if consent is not Consent.UNKNOWN:
            return consent
        shown = await self._node.name_show(name)
        if shown is not None and shown.txid == asked.txid:
            return consent
        # A transaction that went with its block says nothing about the name of now.
        return Consent.UNREAD
