"""The LMDB environment: one writer, any number of readers, one transaction a change.

A directory holds LMDB's `data.mdb` and `lock.mdb`, `writer.lock` (held with
flock by the one process that writes) and `followed`, whose modification time
says when the writer last found itself in step with the node. That is a file of
its own so that saying "nothing new" every few seconds costs no disk sync.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

import lmdb

from nvs.errors import NvsUnavailable
from nvs.mirror.errors import MirrorBusy, MirrorUnusable, MirrorWriteFailed
from nvs.mirror.layout import DATABASES, DUPLICATES
from nvs.mirror.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

MAP_SIZE = 4 * 1024**3
"""Octets of address space at first; the file is only as large as its content."""

_MAX_READERS = 1024


class View:
    """`with store.read() as tables`, written out because look-ups spend their time here."""

    __slots__ = ("_store", "_tables")

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> Tables:
        self._tables = self._store.begin_reading()
        return self._tables

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        exc: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._store.end_reading(self._tables)
        if isinstance(exc, lmdb.Error):
            raise NvsUnavailable(f"{self._store.path}: the mirror cannot be read: {exc}") from exc


class Store:
    """An environment, opened by `open_writer` or `open_reader`."""

    def __init__(self, path: str | Path, map_size: int = MAP_SIZE) -> None:
        """Nothing is opened yet."""
        self.path = Path(path)
        self._map_size = map_size
        self._lock = threading.Lock()  # a map must not move under a reader of this process
        self._env: lmdb.Environment | None = None
        self._dbs: Mapping[str, lmdb._Database] = {}
        self._writer_lock: int | None = None
        self._followed: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether `read` can work."""
        return self._env is not None

    @property
    def followed_at(self) -> float | None:
        """Seconds since 1970 when the writer was last in step, None before the first time."""
        if self._followed is None:
            with suppress(OSError):
                self._followed = os.open(self.path / "followed", os.O_RDONLY | os.O_CLOEXEC)
        # Kept open, because asking by name takes longer than the rest of a look-up.
        return None if self._followed is None else os.fstat(self._followed).st_mtime

    def mark_followed(self, now: float) -> None:
        """Say that the mirror is in step at `now` (seconds since 1970)."""
        try:
            path = self.path / "followed"
            path.touch()
            os.utime(path, (now, now))
        except OSError as exc:
            raise MirrorWriteFailed(f"{self.path}: cannot be written: {exc.strerror}") from exc

    def open_writer(self) -> None:
        """Create what is missing, and refuse a second writer.

        Raises:
            MirrorBusy: another process has it open for writing.
            MirrorUnusable: the directory or the files cannot be used.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.path / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as exc:
            raise MirrorUnusable(f"{self.path}: cannot be opened: {exc.strerror}") from exc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise MirrorBusy(f"{self.path}: another process is following the chain here") from None
        self._writer_lock = lock
        try:
            env = self._environment(readonly=False)
            self._dbs = {
                name: env.open_db(name.encode(), dupsort=name in DUPLICATES) for name in DATABASES
            }
            env.reader_check()
        except lmdb.Error as exc:
            self.close()
            raise MirrorUnusable(f"{self.path}: cannot be opened: {exc}") from exc

    def open_reader(self) -> None:
        """Open an existing mirror to read, in a process of its own.

        Raises:
            NvsUnavailable: there is none yet.
        """
        try:
            env = self._environment(readonly=True)
            self._dbs = {
                name: env.open_db(name.encode(), create=False, dupsort=name in DUPLICATES)
                for name in DATABASES
            }
        except lmdb.Error as exc:
            self.close()
            raise NvsUnavailable(f"{self.path}: no mirror to read: {exc}") from exc

    def _environment(self, *, readonly: bool) -> lmdb.Environment:
        self._env = lmdb.open(
            str(self.path),
            map_size=self._map_size,
            max_dbs=len(DATABASES),
            max_readers=_MAX_READERS,
            readonly=readonly,
            create=not readonly,
            readahead=False,
        )
        return self._env

    def close(self) -> None:
        """Close the files and let another writer in; not while a `write` is under way."""
        with self._lock:
            env, self._env, self._dbs = self._env, None, {}
            if env is not None:
                env.close()
        for descriptor in (self._followed, self._writer_lock):
            if descriptor is not None:
                os.close(descriptor)
        self._followed = self._writer_lock = None

    def read(self) -> View:
        """A consistent view of the last commit, for a `with` statement.

        Raises:
            NvsUnavailable: (on entering) closed, or the files cannot be read.
        """
        return View(self)

    def begin_reading(self) -> Tables:
        """Start a view; the map stays where it is until `end_reading`. See `read`."""
        self._lock.acquire()
        try:
            return Tables(self._begin(), self._dbs)
        except lmdb.Error as exc:
            self._lock.release()
            raise NvsUnavailable(f"{self.path}: the mirror cannot be read: {exc}") from exc
        except BaseException:
            self._lock.release()
            raise

    def end_reading(self, tables: Tables) -> None:
        """End a view."""
        tables.txn.abort()
        self._lock.release()

    def _begin(self) -> lmdb.Transaction:
        if self._env is None:
            raise NvsUnavailable(f"{self.path}: the mirror is not open")
        try:
            return self._env.begin()
        except lmdb.MapResizedError:  # the writer, in another process, made it larger
            self._env.set_mapsize(0)
            return self._env.begin()

    def write(self, change: Callable[[Tables], T]) -> T:
        """Carry out a change as one transaction: all of it, on disk, or nothing.

        The map is doubled when it is full, and the change carried out anew.

        Raises:
            MirrorWriteFailed: the disk is full or broken.
        """
        while True:
            if self._env is None:
                raise MirrorWriteFailed(f"{self.path}: the mirror is not open")
            try:
                with self._env.begin(write=True) as txn:
                    return change(Tables(txn, self._dbs))
            except lmdb.MapFullError:
                with self._lock, suppress(lmdb.Error):
                    self._map_size *= 2
                    self._env.set_mapsize(self._map_size)
            except lmdb.Error as exc:
                raise MirrorWriteFailed(f"{self.path}: cannot be written: {exc}") from exc
