"""Entries asked from a live node, one number at a time, with a cache in front."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from cachetools import TLRUCache, TTLCache

from nvs.consent import Consent
from nvs.errors import NvsUnavailable, UnusableAnswer
from nvs.names import is_readable_name
from nvs.number_record import Entry, Reading, SourceStatus, TrustLevel
from nvs.record_index import reading_order
from nvs.rpc import RpcClient
from nvs.signer_check import SignerCheck

_log = logging.getLogger("nvs")

RETRY_AFTER = 1.0
"""Seconds between two attempts while the node is down."""

_TIP_TRIES = 3
_MAX_NAMES = 4096
_MAX_GENERATION = 2**32 - 1


@dataclass(frozen=True, slots=True)
class _Kept:
    """A good reading, when it was made and until when it needs no new one."""

    reading: Reading
    read_at: float
    fresh_until: float


class _Shelf:
    """What is kept and under way of one kind of question: numbers, or single names."""

    def __init__(self, max_entries: int, serve_stale: float, clock: Callable[[], float]) -> None:
        self.kept: TLRUCache[str, _Kept] = TLRUCache(
            max_entries,
            ttu=lambda _, kept, now: max(kept.fresh_until, kept.read_at + serve_stale),
            timer=clock,
        )
        self.unusable: TTLCache[str, str] = TTLCache(max_entries, RETRY_AFTER, timer=clock)
        self.reads: dict[str, asyncio.Task[Reading | NvsUnavailable]] = {}


class RpcSource:
    """A live node; every entry is untrusted until its owner or signature is checked.

    * Readings, empty ones too, are kept for a while and shared by everybody who
      asks for the same number at the same time. Single names likewise.
    * While the node is down, one look-up a second tries it; the others get the
      last good reading, marked with its age, or `NvsUnavailable`.
    * A reading takes several calls. The best block's hash is read before and
      after (0.3 ms each), and a reading during which a block arrived is repeated,
      so that one number's entries belong to one block. After three such repeats
      the last one stands. The hash also tells when the height must be asked anew.
    * Who signed is asked apart, as it matters for the names of listed owners only.
    """

    def __init__(
        self,
        client: RpcClient,
        ttl: float = 30.0,
        negative_ttl: float = 10.0,
        serve_stale: float = 3600.0,
        max_entries: int = 100_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes over the client and closes it.

        Args:
            ttl, negative_ttl: seconds a reading with and without entries is fresh.
            serve_stale: greatest age in seconds of a reading served while the
                node is down; 0 for never.
            max_entries: readings kept; of single names at most 4096.
        """
        self._client = client
        self._ttl = ttl
        self._negative_ttl = negative_ttl
        self._serve_stale = serve_stale
        self._clock = clock
        self._numbers = _Shelf(max_entries, serve_stale, clock)
        self._names = _Shelf(min(max_entries, _MAX_NAMES), serve_stale, clock)
        self._signers = SignerCheck(client, clock=clock)
        self._failure = ""
        self._retry_at = 0.0
        self._probing = False
        self._last_success: float | None = None
        self._last_unusable = ""
        self._unusable_answers = 0
        self._tip: str | None = None
        self._height: int | None = None

    @property
    def knows_prefixes(self) -> bool:
        """False: a node cannot be asked which numbers start with some digits."""
        return False

    @property
    def generation(self) -> int:
        """The chain's height when last seen, or 1."""
        return min(max(self._height or 1, 1), _MAX_GENERATION)

    def has_longer(self, digits: str) -> bool:
        """Always False, see `knows_prefixes`."""
        return False

    def names_of_sms(self, digits: str) -> tuple[Entry, ...]:
        """Always empty: a node cannot be asked which values name a number."""
        return ()

    async def read(self, digits: str) -> Reading:
        """Live entries of one number, in reading order.

        Raises:
            NvsUnavailable: the node cannot tell and no recent reading is kept.
        """
        return await self._ask(self._numbers, digits)

    async def entry(self, name: str) -> Entry | None:
        """One live name of any kind, None where surely there is none.

        Kept, shared and served stale as readings are.

        Raises:
            NvsUnavailable: the node cannot tell and no recent answer is kept, or
                the name is not ASCII or too long.
        """
        if not is_readable_name(name):
            raise NvsUnavailable(f"{name[:60]!r} is no name that can be asked for")
        entries = (await self._ask(self._names, name)).entries
        return entries[0] if entries else None

    async def consent(self, entry: Entry) -> Consent:
        """Whether the entry's owner signed what it says. Never raises; takes 2 s at most."""
        return await self._signers.consent(entry)

    def status(self) -> SourceStatus:
        """Not ok from a failed read until one succeeds.

        Facts: `height`, `cached_numbers`, `last_success_age` (seconds, None
        before the first), `unusable_answers`.
        """
        detail = self._failure or self._last_unusable
        age: int | None = None
        if self._last_success is not None:
            age = int(self._clock() - self._last_success)
        elif not detail:
            detail = f"Emercoin node {self._client.address} has not been asked yet"
        facts: dict[str, int | str | None] = {
            "height": self._height,
            "cached_numbers": len(self._numbers.kept),
            "last_success_age": age,
            "unusable_answers": self._unusable_answers,
        }
        return SourceStatus("rpc", ok=not self._failure, detail=detail, facts=facts)

    async def close(self) -> None:
        """Close the client; whoever waits gets a stale reading or `NvsUnavailable`."""
        reads = (*self._numbers.reads.values(), *self._names.reads.values())
        await self._client.close()
        await asyncio.gather(*reads, return_exceptions=True)
        await self._signers.settle()

    async def _ask(self, shelf: _Shelf, key: str) -> Reading:
        """The answer to one question: kept, under way, new, or stale.

        Raises:
            NvsUnavailable: none of these.
        """
        kept = shelf.kept.get(key)
        if kept is not None and self._clock() < kept.fresh_until:
            return kept.reading
        if (task := shelf.reads.get(key)) is None:
            if why := shelf.unusable.get(key):
                return self._stale(shelf, key, UnusableAnswer(why))
            if self._failure and (self._probing or self._clock() < self._retry_at):
                return self._stale(shelf, key, NvsUnavailable(self._failure))
            probing = self._probing = bool(self._failure)
            task = asyncio.get_running_loop().create_task(self._refresh(shelf, key, probing))
            shelf.reads[key] = task
            task.add_done_callback(lambda _: shelf.reads.pop(key, None))
        # One who stops waiting must not stop the reading for the others.
        outcome = await asyncio.shield(task)
        if isinstance(outcome, NvsUnavailable):
            return self._stale(shelf, key, outcome)
        return outcome

    def _stale(self, shelf: _Shelf, key: str, error: NvsUnavailable) -> Reading:
        kept = shelf.kept.get(key)
        age = self._clock() - kept.read_at if kept is not None else 0.0
        if kept is None or age >= self._serve_stale:
            raise type(error)(str(error)) from None
        return replace(kept.reading, stale_seconds=max(age, 0.001))

    async def _refresh(self, shelf: _Shelf, key: str, probing: bool) -> Reading | NvsUnavailable:
        """Read and keep; the error is returned, since several may wait for it."""
        try:
            if shelf is self._names:
                entry = await self._entry(key)
                reading = Reading("", () if entry is None else (entry,), "rpc")
            else:
                reading = await self._read_at_one_tip(key)
        except UnusableAnswer as exc:  # this name's trouble, not the node's
            shelf.unusable[key] = str(exc)
            self._unusable_answers += 1
            self._last_unusable = str(exc)
            self._note("")
            return exc
        except NvsUnavailable as exc:
            self._note(str(exc))
            self._retry_at = self._clock() + RETRY_AFTER
            return exc
        else:
            now = self._clock()
            ttl = self._ttl if reading.entries else self._negative_ttl
            shelf.kept[key] = _Kept(reading, now, now + ttl)
            self._note("")
            self._last_success = now
            return reading
        finally:
            if probing:
                self._probing = False

    def _note(self, failure: str) -> None:
        """Keep the node's trouble, empty when there is none; log it when it changes."""
        if failure and failure != self._failure:
            _log.warning("records cannot be read: %s", failure)
        elif self._failure and not failure:
            _log.warning("records can be read again")
        self._failure = failure

    async def _read_at_one_tip(self, digits: str) -> Reading:
        before = await self._client.best_hash()
        for _ in range(_TIP_TRIES):
            entries = await self._entries(digits)
            after = await self._client.best_hash()
            if after == before:
                break
            before = after
        height = await self._height_at(before)
        return Reading(digits, entries, "rpc", TrustLevel.UNTRUSTED, height)

    async def _height_at(self, tip: str) -> int | None:
        if tip != self._tip or self._height is None:
            try:
                self._height = await self._client.height()
                self._tip = tip
            except NvsUnavailable:
                return None
        return self._height

    async def _entries(self, digits: str) -> tuple[Entry, ...]:
        names = reading_order(digits)
        found = [await self._entry(next(names))]  # the e164.arpa name may be missing
        for name in names:
            entry = await self._entry(name)
            if entry is None:
                break
            found.append(entry)
        return tuple(entry for entry in found if entry is not None)

    async def _entry(self, name: str) -> Entry | None:
        info = await self._client.name_show(name)
        if info is None or not info.live:
            return None
        return Entry(name, info.value, info.address, info.expires_in, txid=info.txid)
