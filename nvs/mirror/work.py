"""One step at a time towards "every wanted name, as at the node's best block".

Each step asks the node, makes sure that the best block did not change
meanwhile, and commits. A step that is cut off leaves nothing behind; the next
one starts from what is on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from nvs.mirror import commits
from nvs.mirror.entries import NameChange
from nvs.mirror.errors import MirrorUnusable
from nvs.mirror.kinds import Kinds
from nvs.mirror.layout import Head, Origin
from nvs.mirror.node import LIST_LIMIT, SKIPPED_LIMIT, Node, TooMany
from nvs.mirror.reading import Tip, TipMoved, read_names, require_tip
from nvs.mirror.route import MAX_TOUCHED, TooDeep, find_route
from nvs.mirror.shards import Shard
from nvs.mirror.store import Store
from nvs.mirror.tables import Tables

T = TypeVar("T")

CHUNK = 6000
"""Names read between two commits of a first sync."""

_RETRIES = 30


@dataclass(frozen=True, slots=True)
class Step:
    """What a step led to.

    Attributes:
        settled: nothing was left to do at the node's best block.
        changes: names that changed, none during a first sync.
    """

    settled: bool = False
    changes: tuple[NameChange, ...] = ()


class Worker:
    """Brings one store in step with one node."""

    def __init__(
        self,
        store: Store,
        node: Node,
        kinds: Kinds,
        executor: Executor,
        *,
        chunk: int = CHUNK,
        list_limit: int = LIST_LIMIT,
    ) -> None:
        """`executor`: one thread, in which everything is written."""
        self._store = store
        self._node = node
        self._kinds = kinds
        self._executor = executor
        self._chunk = self._most = chunk
        self._list_limit = list_limit
        self._genesis_checked = False

    async def write(self, change: Callable[[Tables], T]) -> T:
        """Commit a change; it is completed even when the caller is cancelled meanwhile.

        Raises:
            MirrorWriteFailed: nothing was changed.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._store.write, change)

    async def step(self) -> Step:
        """Do the next thing.

        Raises:
            NvsUnavailable: the node or the disk fails; nothing is lost.
            MirrorUnusable: the node is on another chain than the mirror.
        """
        try:
            step = await self._step()
        except TipMoved:
            self._chunk = max(self._chunk // 2, 1)
            return Step()
        if self._chunk < self._most:
            self._chunk = min(self._chunk * 2, self._most)
        return step

    async def _step(self) -> Step:
        with self._store.read() as tables:
            head = tables.head()
        await self._check_genesis()
        if head is None:
            await self._begin()
            return Step()
        tip = await self._node.best_hash()
        if tip != head.hash:
            return await self._advance(head, tip)
        with self._store.read() as tables:
            shards = tables.keys("shards", limit=1)
            todo = tables.keys("todo", limit=self._chunk)
            info = tables.info()
            origins = {key: Origin.unpack(tables.get("todo", key) or b"") for key in todo}
        if shards:
            await self._list(Shard.from_key(shards[0]), tip)
        elif todo:
            return await self._read(origins, head)
        elif not head.complete or info is None or info.kinds != info.wanted:
            await self.write(commits.note_finished)
        else:
            return Step(settled=True)
        return Step()

    async def _check_genesis(self) -> None:
        """Once: a mirror of one chain must not follow another."""
        if self._genesis_checked:
            return
        genesis = await self._genesis()
        with self._store.read() as tables:
            info = tables.info()
        if info is not None and info.genesis != genesis:
            raise MirrorUnusable(
                f"{self._store.path}: mirrors another chain than the node's (block 0 differs)"
            )
        self._genesis_checked = True

    async def _genesis(self) -> str:
        genesis = (await self._node.hashes([0]))[0]
        if genesis is None:
            raise self._node.unavailable("has no block 0")
        return genesis

    async def _begin(self) -> None:
        tip = Tip(*await self._node.best_block())
        genesis = await self._genesis()
        await self.write(partial(commits.begin, tip=tip, genesis=genesis, kinds=self._kinds))

    async def _advance(self, head: Head, tip: str) -> Step:
        try:
            route = await find_route(self._node, self._store, self._kinds, head, tip)
        except TooDeep:
            best = Tip(*await self._node.best_block())
            await self.write(partial(commits.restart, tip=best, kinds=self._kinds))
            return Step()
        names = None
        if route.end.hash == tip and len(route.touches) <= min(MAX_TOUCHED, self._chunk):
            with self._store.read() as tables:
                retry = tables.keys("retry", limit=_RETRIES)
                origins = commits.origins_of(tables, route, retry)
            names = await read_names(self._node, self._store, origins, route.end)
        changes = await self.write(partial(commits.note_route, route=route, names=names))
        return Step(changes=tuple(changes))

    async def _list(self, shard: Shard, tip: str) -> None:
        limit = SKIPPED_LIMIT if shard.skipped else self._list_limit
        try:
            rows = await self._node.listed(shard, limit)
        except TooMany:
            await self.write(partial(commits.note_split, shard=shard))
            return
        await require_tip(self._node, tip)
        note = partial(commits.note_listed, shard=shard, rows=rows, kinds=self._kinds)
        await self.write(note)

    async def _read(self, origins: dict[bytes, Origin], head: Head) -> Step:
        tip = Tip(head.hash, head.height)
        names = await read_names(self._node, self._store, origins, tip)
        changes = await self.write(partial(commits.note_read, names=names))
        return Step(changes=tuple(changes))

    def progress(self) -> tuple[int, int]:
        """Names read and names known of in a sync that is under way; (0, 0) without one."""
        with self._store.read() as tables:
            info, left = tables.info(), tables.count("todo")
        total = max(info.total, left) if info is not None else 0
        return total - left, total
