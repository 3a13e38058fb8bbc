"""The one writer of a mirror: first sync, following, and the reader beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from nvs.errors import NvsError, NvsUnavailable
from nvs.mirror.commits import adopt_kinds, adopt_signers
from nvs.mirror.entries import NameChange
from nvs.mirror.kinds import Kinds
from nvs.mirror.node import Node
from nvs.mirror.reader import GRACE, MirrorReader
from nvs.mirror.store import MAP_SIZE, Store
from nvs.mirror.tables import Tables
from nvs.mirror.verify import Comparison, Difference
from nvs.mirror.wake import Wake
from nvs.mirror.work import Worker
from nvs.rpc import RpcClient

Progress = Callable[[int, int], object]
"""Called with the names read and the names known of so far."""

OnChange = Callable[[tuple[NameChange, ...]], object]
"""Called after a commit with what changed in it; not called during the first sync."""

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0

_log = logging.getLogger(__name__)


class Mirror:
    """A local copy of the chain's phone-number names, in step with one node.

        async with Mirror("data/mirror", RpcClient.from_url(url), also=("ver:", "srl:")) as mirror:
            await mirror.sync()                     # everything, once
            mirror.start_following()                # and from now on in the background
            reading = await mirror.reader().read("14155551234")

    Only one process may have a mirror open like this; others use `MirrorReader`.
    """

    def __init__(
        self,
        path: str | Path,
        client: RpcClient,
        *,
        also: tuple[str, ...] = (),
        signers: Collection[str] = (),
        zmq: str = "",
        poll: float = 5.0,
        grace: float = GRACE,
        clock: Callable[[], float] = time.time,
        on_change: OnChange | None = None,
        map_size: int = MAP_SIZE,
    ) -> None:
        """Nothing is opened yet. Takes over the client and closes it.

        Args:
            path: a directory, made if it is not there.
            also: other names to keep: prefixes that end in `:`, and exact names.
            signers: owner addresses of a `TrustPolicy`; of their names the node is asked
                whether the owner signed what they say. Of all others nobody knows.
            zmq: the node's `-zmqpubhashblock` address; the node is polled as well.
            poll: seconds between two looks at the best block.
            grace: seconds without a look after which answers count as stale.
            clock: seconds since 1970, shared with readers in other processes.
            on_change: see `OnChange`; what it raises is logged.

        Raises:
            ValueError: a name in `also` cannot be kept.
        """
        self.on_change = on_change
        self._kinds = Kinds(also)
        self._store = Store(path, map_size)
        self._client = client
        self._node = Node(client, signers)
        self._zmq = zmq
        self._poll = poll
        self._grace = grace
        self._clock = clock
        self._failure = ""
        self._executor: ThreadPoolExecutor | None = None
        self._worker: Worker | None = None
        self._wake = Wake()
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _exc: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the files for writing; fine if they are open.

        Raises:
            MirrorBusy: another process has them.
            MirrorUnusable: they, or the ZMQ address, cannot be used.
        """
        if self._worker is not None:
            return
        self._wake = Wake(self._zmq)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="nvs-mirror")
        worker = Worker(self._store, self._node, self._kinds, self._executor)
        try:
            self._store.open_writer()
            await worker.write(self._adopt_settings)
        except BaseException:
            self._release()
            raise
        self._worker = worker

    def _adopt_settings(self, tables: Tables) -> None:
        adopt_kinds(tables, self._kinds)
        adopt_signers(tables, self._node.signers)

    async def start(self) -> None:
        """Open, and follow in the background until `close`.

        Raises:
            MirrorBusy, MirrorUnusable: see `open`.
        """
        await self.open()
        self.start_following()

    def start_following(self) -> None:
        """Run `follow` as a task of its own; fine if it runs."""
        if self._task is None:
            self._task = asyncio.create_task(self.follow(), name="nvs-mirror")

    async def close(self) -> None:
        """Stop following, finish a commit that is under way, close files and client."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._node.close()
        if self._executor is not None:
            await asyncio.to_thread(self._executor.shutdown)
        self._release()

    def _release(self) -> None:
        if self._executor is not None:
            self._executor.shutdown()
        self._wake.close()
        self._store.close()
        self._executor = self._worker = None

    def reader(self) -> MirrorReader:
        """A source that reads this mirror in this process; usable while this is open."""
        return MirrorReader(
            self._store.path,
            grace=self._grace,
            clock=self._clock,
            store=self._store,
            failure=lambda: self._failure,
        )

    def serve(self, reader: MirrorReader) -> None:
        """Let a reader that is in use already go on through this writer; before `open`.

        As one process must not open a mirror twice, its own files are closed. When
        this is closed, or could not be opened, call `reader.detach()` at once.
        """
        reader.attach(self._store, lambda: self._failure)

    async def sync(self, progress: Progress | None = None) -> None:
        """Bring the mirror in step with the node's best block, by a first sync if need be.

        Interrupted in whatever way, the next call goes on from there.

        Raises:
            NvsUnavailable: the node, or the disk, fails; what was read is kept.
            MirrorBusy, MirrorUnusable: see `open`; or it mirrors another chain.
        """
        await self.open()
        async with self._turn:
            await self._settle(progress)

    async def follow(self) -> None:
        """Keep the mirror in step until cancelled, whatever happens to the node.

        Failures stand in the reader's status; the next try comes after 1 s, and
        after at most 60 s when it goes on.
        """
        await self.open()
        wait = _FIRST_WAIT
        while True:
            try:
                async with self._turn:
                    await self._settle(None)
            except Exception as exc:
                self._note_failure(exc)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
            else:
                wait = _FIRST_WAIT
                await self._wake.wait(self._poll)

    def _note_failure(self, exc: Exception) -> None:
        known = isinstance(exc, NvsError)
        text = str(exc) if known else f"stumbled over {type(exc).__name__}"
        if text != self._failure:
            _log.log(logging.WARNING if known else logging.ERROR, "mirror: %s", text)
        self._failure = text

    async def _settle(self, progress: Progress | None) -> None:
        """Take steps until nothing is left to do."""
        worker = self._worker
        if worker is None:
            raise NvsUnavailable("the mirror is closed")
        settled = False
        while not settled:
            step = await worker.step()
            settled = step.settled
            self._failure = ""
            self._tell(step.changes)
            if progress is not None and (figures := worker.progress())[1]:
                progress(*figures)
        self._store.mark_followed(self._clock())

    def _tell(self, changes: tuple[NameChange, ...]) -> None:
        if not changes or self.on_change is None:
            return
        try:
            self.on_change(changes)
        except Exception as exc:
            _log.error("mirror: on_change failed: %s", type(exc).__name__)

    async def verify(self) -> AsyncGenerator[Difference]:
        """Compare every name with the node, and yield what differs; nothing is repaired.

        The mirror is brought in step first, and again whenever a block arrives.

        Raises:
            NvsUnavailable: the node or the disk fails.
        """
        await self.open()
        comparison = Comparison(self._store, self._node, self._kinds, self.sync)
        async with contextlib.aclosing(comparison.differences()) as found:
            async for difference in found:
                yield difference
