"""Names that many look-ups need: read once, shared, and dropped when the source changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from cachetools import TTLCache

from nvs.attestation import NameAnswer
from nvs.errors import NvsUnavailable
from nvs.number_record import Entry
from nvs.sources import RecordSource

KEPT_SECONDS = 300.0
"""EmerDNS keeps verifiers as long."""

READ_SECONDS = 2.0
"""Longest wait for one name; a resolver that asks us gives up after a few seconds."""


class _Kept(NamedTuple):
    entry: Entry | None


class NameCache:
    """Answers of `RecordSource.entry`, absent names included, failures not."""

    def __init__(
        self,
        source: RecordSource,
        *,
        ttl: float = KEPT_SECONDS,
        read_seconds: float = READ_SECONDS,
        max_names: int = 4096,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._read_seconds = read_seconds
        self._generation: int | None = None
        self._kept: TTLCache[str, _Kept] = TTLCache(max_names, ttl, timer=clock)
        self._reads: dict[str, asyncio.Task[NameAnswer]] = {}

    async def entry(self, name: str) -> Entry | None:
        """One live name, None where surely there is none.

        Raises:
            NvsUnavailable: nobody knows.
        """
        answer = (await self.answers([name]))[name]
        if isinstance(answer, NvsUnavailable):
            raise type(answer)(str(answer)) from None
        return answer

    async def answers(self, names: Iterable[str]) -> dict[str, NameAnswer]:
        """Several names at once; a failure stands as its error."""
        if self._generation != (now := self._source.generation):
            self._generation = now
            self._kept.clear()
            self._reads.clear()  # what is under way may be of before; its askers still get it
        found: dict[str, NameAnswer] = {}
        missing: dict[str, asyncio.Task[NameAnswer]] = {}
        for name in names:
            if (kept := self._kept.get(name)) is not None:
                found[name] = kept.entry
            else:
                missing[name] = self._task(name)
        for name, task in missing.items():
            # One who stops waiting must not stop the reading for the others.
            found[name] = await asyncio.shield(task)
        return found

    def _task(self, name: str) -> asyncio.Task[NameAnswer]:
        if (task := self._reads.get(name)) is None:
            task = asyncio.get_running_loop().create_task(self._read(name))
            self._reads[name] = task
        return task

    async def _read(self, name: str) -> NameAnswer:
        me = asyncio.current_task()
        try:
            async with asyncio.timeout(self._read_seconds):
                entry = await self._source.entry(name)
        except NvsUnavailable as error:
            return error
        except TimeoutError:
            return NvsUnavailable(f"{name}: no answer within {self._read_seconds:g} s")
        else:
            if self._reads.get(name) is me:
                self._kept[name] = _Kept(entry)
            return entry
        finally:
            if self._reads.get(name) is me:
                del self._reads[name]
