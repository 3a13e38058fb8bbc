"""Where toll-free rules come from: a file of the operator's own, or a name on the chain."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nvs.errors import RecordsFileError
from nvs.name_cache import NameCache
from nvs.names import TOLLFREE_NAME
from nvs.number_record import Entry, TrustLevel
from nvs.tollfree import TollFreeRules, parse_tollfree

MAX_FILE_OCTETS = 1 << 20
CHECK_INTERVAL = 1.0
"""Seconds between two looks at the file; it is small, so it is simply read again."""

_log = logging.getLogger("nvs")


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """Rules and the entry they stand in.

    Attributes:
        trust: where that entry starts from; None: where its source's entries do.
    """

    entry: Entry
    rules: TollFreeRules
    trust: TrustLevel | None = None


class TollFree(Protocol):
    """Toll-free rules that may change at any time."""

    @property
    def may_answer(self) -> bool:
        """False only while it is known that there are no rules."""
        ...

    async def load(self, names: NameCache) -> LoadedRules | None:
        """The rules of now, None when there are none.

        Raises:
            NvsUnavailable: nobody knows.
        """
        ...


class TollFreeFile:
    """A file of rules, the operator's own: what they answer is at operator level.

    A file that cannot be read any more keeps its last good rules, with one warning.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the file now.

        Raises:
            RecordsFileError: it cannot be read, or is larger than 1 MiB.
        """
        self._path = Path(path)
        self._clock = clock
        self._checked_at = clock()
        self._broken = False
        self._take(self._read())

    @property
    def may_answer(self) -> bool:
        """See `TollFree`."""
        return bool(self._rules.rules)

    async def load(self, _names: NameCache) -> LoadedRules | None:
        """See `TollFree`; looks at the file once a second."""
        if self._clock() - self._checked_at >= CHECK_INTERVAL:
            self._check()
        if not self._rules.rules:
            return None
        return LoadedRules(Entry(TOLLFREE_NAME, self._content), self._rules, TrustLevel.OPERATOR)

    def _check(self) -> None:
        self._checked_at = self._clock()
        try:
            content = self._read()
        except RecordsFileError as error:
            if not self._broken:
                _log.warning("keeping the last good toll-free rules: %s", error)
            self._broken = True
            return
        self._broken = False
        if content != self._content:
            self._take(content)

    def _take(self, content: bytes) -> None:
        self._content = content
        self._rules = parse_tollfree(content)
        for problem in self._rules.problems[:10]:
            _log.warning("toll-free rules %s: %s: %s", self._path, problem.field, problem.message)

    def _read(self) -> bytes:
        try:
            if not self._path.is_file():  # opening a pipe would wait for its writer
                raise RecordsFileError(f"{self._path}: no such file")
            with self._path.open("rb") as file:
                content = file.read(MAX_FILE_OCTETS + 1)
        except OSError as error:
            raise RecordsFileError(f"{self._path}: cannot be read: {error.strerror}") from None
        if len(content) > MAX_FILE_OCTETS:
            raise RecordsFileError(f"{self._path}: larger than {MAX_FILE_OCTETS} octets")
        return content


class TollFreeName:
    """Rules in an NVS name: believed as far as that name's own owner is."""

    def __init__(self, name: str = TOLLFREE_NAME) -> None:
        self.name = name
        self._loaded: LoadedRules | None = None
        self._known = False

    @property
    def may_answer(self) -> bool:
        """See `TollFree`; True until the name was read for the first time."""
        return not self._known or (self._loaded is not None and bool(self._loaded.rules.rules))

    async def load(self, names: NameCache) -> LoadedRules | None:
        """See `TollFree`; parsed again when the name's value changes."""
        entry = await names.entry(self.name)
        loaded = self._loaded
        if entry is None:
            loaded = None
        elif loaded is None or loaded.entry != entry:
            loaded = LoadedRules(entry, parse_tollfree(entry.value))
        self._loaded, self._known = loaded, True
        return loaded if self.may_answer else None
