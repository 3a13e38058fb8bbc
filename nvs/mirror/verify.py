"""Comparing a mirror with the node, name by name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from nvs.mirror.entries import stored
from nvs.mirror.keys import name_of
from nvs.mirror.kinds import Kinds
from nvs.mirror.layout import Origin, Stored
from nvs.mirror.node import Node, TooMany
from nvs.mirror.reading import Tip, TipMoved, read_names, require_tip
from nvs.mirror.shards import Shard, first_shards
from nvs.mirror.store import Store
from nvs.mirror.touches import ASK

T = TypeVar("T")

_CHUNK = 3000
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """One name that the mirror and the node tell differently; None where it is not there."""

    name: str
    mirror: Stored | None
    node: Stored | None


class Comparison:
    """Compares while mirror and node stand at the same block."""

    def __init__(
        self, store: Store, node: Node, kinds: Kinds, sync: Callable[[], Awaitable[None]]
    ) -> None:
        """`sync` brings the mirror in step; called whenever a block arrived."""
        self._store = store
        self._node = node
        self._kinds = kinds
        self._sync = sync

    async def differences(self) -> AsyncGenerator[Difference]:
        """First what the node lists, then each name of the mirror.

        Raises:
            NvsUnavailable: no answer, or blocks arrive too fast to compare anything.
        """
        for word in sorted(self._kinds.words):
            shards = [shard for shard in first_shards(word) if not shard.skipped]
            while shards:
                shard = shards.pop()
                try:
                    found = await self._in_step(partial(self._listed, shard))
                except TooMany:
                    shards.extend(part for part in shard.split() if not part.skipped)
                    continue
                for difference in found:
                    yield difference
        start = b""
        while keys := await self._in_step(partial(self._some_keys, start)):
            for difference in await self._in_step(partial(self._shown, keys)):
                yield difference
            start = keys[-1] + b"\0"

    async def _in_step(self, compare: Callable[[Tip], Awaitable[T]]) -> T:
        for _ in range(_TRIES):
            tip = await self._node.best_hash()
            with self._store.read() as tables:
                head = tables.head()
            if head is None or head.hash != tip:
                await self._sync()
                continue
            try:
                outcome = await compare(Tip(tip, head.height))
                await require_tip(self._node, tip)
            except TipMoved:
                continue
            return outcome
        raise self._node.unavailable("blocks arrive too fast to compare anything")

    async def _some_keys(self, start: bytes, _tip: Tip) -> list[bytes]:
        with self._store.read() as tables:
            return tables.keys("names", start, _CHUNK)

    async def _listed(self, shard: Shard, tip: Tip) -> list[Difference]:
        """Names that the mirror lacks, or knows another registration of."""
        found, lacking = [], []
        rows = await self._node.listed(shard)
        with self._store.read() as tables:
            for row in rows:
                if (key := self._kinds.key(row.name)) is None:
                    continue
                known = stored(tables, key)
                if known is None:
                    lacking.append(key)
                elif known.registered_at != row.registered_at:
                    there = replace(known, registered_at=row.registered_at)
                    found.append(Difference(row.name, known, there))
        return found + await self._shown(lacking, tip)

    async def _shown(self, keys: Sequence[bytes], tip: Tip) -> list[Difference]:
        """Names that the node shows with other content."""
        with self._store.read() as tables:
            known = {key: stored(tables, key) for key in keys}
        origins = {
            key: ASK if name is None else Origin(name.registered_at) for key, name in known.items()
        }
        shown = await read_names(self._node, self._store, origins, tip)
        return [
            Difference(name_of(key), known[key], shown[key])
            for key in keys
            if known[key] != shown[key]
        ]
