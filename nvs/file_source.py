"""Entries from a JSON records file that people edit while we run."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nvs.errors import RecordsFileError
from nvs.number_record import Entry, Reading, SourceStatus, TrustLevel
from nvs.records_json import Records, parse_records

MAX_FILE_OCTETS = 64 * 1024 * 1024
CHECK_INTERVAL = 0.2
"""Seconds between two looks at the file's time stamp."""

INLINE_OCTETS = 256 * 1024
"""Up to this size a changed file is read at once, so that the answer is the new
one; a larger one is read in a thread while the old content still answers."""

_SETTLED_NS = 100_000_000
"""A file changed less than this before we read it may change again within the same
time stamp, so the next look reads it again."""

_log = logging.getLogger("nvs")
_Signature = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Loaded:
    records: Records
    digest: bytes
    signature: _Signature | None


class FileSource:
    """A records file, read again whenever it changes.

    An edit that cannot be read, or a vanished file, keeps the last good content:
    `status().ok` is False and says why and since when, and one warning is logged.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        trust: TrustLevel = TrustLevel.OPERATOR,
        *,
        clock: Callable[[], float] = time.monotonic,
        inline_octets: int = INLINE_OCTETS,
    ) -> None:
        """Read the file now.

        Raises:
            RecordsFileError: naming file, NVS name and field.
        """
        self._path = Path(path)
        self._trust = trust
        self._clock = clock
        self._inline_octets = inline_octets
        self._loaded = _load(self._path)
        self._seen: _Signature | None = self._loaded.signature
        self._checked_at = clock()
        self._generation = 1
        self._broken = ""
        self._broken_since = ""
        self._loading: asyncio.Task[None] | None = None

    @property
    def knows_prefixes(self) -> bool:
        """True: everything is at hand."""
        return True

    @property
    def generation(self) -> int:
        """One more with every changed content."""
        return self._generation

    async def read(self, digits: str) -> Reading:
        """Live entries of one number, in reading order; looks at the file every 0.2 s."""
        self._look()
        entries = self._loaded.records.index.read(digits)
        return Reading(digits, entries, source="file", source_trust=self._trust)

    async def entry(self, name: str) -> Entry | None:
        """One live name of any kind; looks at the file every 0.2 s.

        Raises:
            NvsUnavailable: its value has no known shape, or no name can be so.
        """
        self._look()
        return self._loaded.records.entry(name)

    def has_longer(self, digits: str) -> bool:
        """Whether some live number starts with `digits` and is longer."""
        return self._loaded.records.index.has_longer(digits)

    def names_of_sms(self, digits: str) -> tuple[Entry, ...]:
        """The live entries whose SMS goes to `14155551234`."""
        self._look()
        return self._loaded.records.index.names_of_sms(digits)

    def status(self) -> SourceStatus:
        """`names`, `numbers`, `skipped_names`; not ok while an edit is held back."""
        records = self._loaded.records
        facts = {
            "names": len(records.index),
            "numbers": records.index.numbers,
            "skipped_names": records.skipped,
        }
        detail = records.skipped_sentence
        if self._broken:
            detail = f"{self._broken} (since {self._broken_since}; the last good content answers)"
        return SourceStatus("file", ok=not self._broken, detail=detail, facts=facts)

    async def close(self) -> None:
        """Wait for a load that is under way (one file's reading, so seconds at most)."""
        if self._loading is not None:
            await asyncio.wait({self._loading})

    def _look(self) -> None:
        if self._clock() - self._checked_at >= CHECK_INTERVAL:
            self._check()

    def _check(self) -> None:
        """Compare the file with what was read; start reading it when it differs."""
        if self._loading is not None and not self._loading.done():
            return
        self._checked_at = self._clock()
        try:
            found = _signature(self._path.stat())
        except OSError:
            found = None  # the load says why
        if found is not None and found == self._seen:
            return
        if found is not None and found[1] > self._inline_octets:
            self._loading = asyncio.get_running_loop().create_task(self._load_in_thread(found))
            return
        try:
            self._take(_load(self._path))
        except RecordsFileError as exc:
            self._hold_back(exc, found)

    async def _load_in_thread(self, found: _Signature) -> None:
        try:
            self._take(await asyncio.to_thread(_load, self._path))
        except RecordsFileError as exc:
            self._hold_back(exc, found)

    def _take(self, loaded: _Loaded) -> None:
        if loaded.digest != self._loaded.digest:
            self._loaded = loaded
            self._generation += 1
        self._seen = loaded.signature
        if self._broken:
            self._broken = ""
            _log.info("records file %s can be read again", self._path)

    def _hold_back(self, exc: RecordsFileError, found: _Signature | None) -> None:
        if not self._broken:
            self._broken_since = datetime.now(UTC).isoformat(timespec="seconds")
            _log.warning("keeping the last good records: %s", exc)
        self._broken = str(exc)
        # A file that is being written is looked at again even if its time stamp stands still.
        self._seen = found if found is not None and _is_settled(found) else None


def _signature(status: os.stat_result) -> _Signature:
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns


def _is_settled(signature: _Signature) -> bool:
    return not 0 <= time.time_ns() - signature[3] < _SETTLED_NS


def _load(path: Path) -> _Loaded:
    """Read and parse the file.

    Raises:
        RecordsFileError: see `parse_records`; or no such file, not a file, too large.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its writer
            raise RecordsFileError(f"{path}: not a regular file")
        with path.open("rb") as file:
            signature = _signature(os.fstat(file.fileno()))
            settled = _is_settled(signature)
            text = file.read(MAX_FILE_OCTETS + 1)
    except OSError as exc:
        raise RecordsFileError(f"{path}: cannot be read: {exc.strerror}") from None
    if len(text) > MAX_FILE_OCTETS:
        raise RecordsFileError(f"{path}: larger than {MAX_FILE_OCTETS} octets")
    records = parse_records(text, str(path))
    return _Loaded(records, hashlib.sha256(text).digest(), signature if settled else None)
