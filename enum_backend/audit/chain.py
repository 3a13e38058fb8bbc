"""The chain: each sealed entry has a MAC over itself and the MAC before it.

Without the server key nobody can change, insert, move or remove an entry and make the
MACs fit again. What is cut off at the end shows when the chain is compared with a head
that was kept elsewhere: its last number and MAC.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from enum_backend.storage import Sealer

NOTHING: Final = bytes(32)
"""The MAC before the first entry."""
MAX_FAULTS: Final = 100


@dataclass(frozen=True, slots=True)
class Head:
    """Number and MAC of the last sealed entry; 0 and zeros of an empty log."""

    seq: int = 0
    mac: bytes = NOTHING

    def __str__(self) -> str:
        return f"{self.seq}:{self.mac.hex()}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """`12:9f86...` as `str` writes it.

        Raises:
            ValueError: it is none.
        """
        seq, _, mac = text.strip().partition(":")
        head = cls(int(seq), bytes.fromhex(mac)) if seq.isdecimal() else None
        if head is None or len(head.mac) != len(NOTHING):
            raise ValueError("expected NUMBER:MAC as `enum-backend audit head` prints it")
        return head


class Stored(Protocol):
    """A row of `audit_log`."""

    entry_id: Any
    event_type: Any
    severity: Any
    description: Any
    user_id: Any
    details: Any
    created_at: Any


class Sealed(Stored, Protocol):
    """A row that is in the chain."""

    seq: Any
    mac: Any


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong: `seq` and `entry_id` say where; `entry_id` None = nothing is there."""

    seq: int
    entry_id: str | None
    problem: str

    def __str__(self) -> str:
        name = f" ({self.entry_id})" if self.entry_id else ""
        return f"entry {self.seq}{name}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found.

    Attributes:
        entries: how many sealed ones were read.
        waiting: entries that are not sealed yet, so nothing can be said of them.
        faults: at most 100, in the order of the chain.
    """

    entries: int
    head: Head
    waiting: int
    faults: tuple[Fault, ...]

    @property
    def holds(self) -> bool:
        """Whether every entry is as it was sealed, and none is missing."""
        return not self.faults


def mac_of(sealer: Sealer, before: bytes, seq: int, row: Stored) -> bytes:
    """The MAC of an entry at a place in the chain."""
    content = json.dumps(
        [
            seq,
            row.entry_id,
            row.event_type,
            row.severity,
            row.description,
            row.user_id,
            row.details,
            row.created_at,
        ]
    )
    return sealer.digest("audit entry 1", before.hex(), content)


class Verifier:
    """Takes the sealed entries in the order of their numbers, then says what is wrong.

    Args:
        heads: exported ones that the chain must still contain.
    """

    def __init__(self, sealer: Sealer, heads: Iterable[Head] = ()) -> None:
        self._sealer = sealer
        self._heads = sorted(heads, key=lambda head: head.seq)
        self._faults: list[Fault] = []
        self._before: tuple[bytes, ...] = (NOTHING,)
        self._head = Head()
        self._entries = 0

    def take(self, rows: Sequence[Sealed]) -> None:
        """The next entries."""
        for row in rows:
            self._take(row)

    def verdict(self, waiting: int) -> Verdict:
        """After the last entry."""
        for head in self._heads:
            if head.seq > self._head.seq:
                last, first = head.seq, self._head.seq + 1
                self._fault(first, None, _missing(first, last, "from the end"))
                break
        self._faults.sort(key=lambda fault: fault.seq)
        return Verdict(self._entries, self._head, waiting, tuple(self._faults[:MAX_FAULTS]))

    def _take(self, row: Sealed) -> None:
        self._entries += 1
        expected = self._head.seq + 1
        made = [mac_of(self._sealer, before, row.seq, row) for before in self._before]
        stored = bytes(row.mac or b"")
        fits = any(hmac.compare_digest(mac, stored) for mac in made)
        if row.seq != expected:
            self._fault(expected, None, _missing(expected, row.seq - 1, "in between"))
        elif not fits:
            self._fault(row.seq, row.entry_id, "is not what was sealed there: changed or moved")
        # Where only the MAC was changed, the next one still fits the right MAC.
        self._before = (stored,) if fits else (stored, *made)
        self._head = Head(row.seq, stored)
        for head in self._heads:
            if head.seq == row.seq and not hmac.compare_digest(head.mac, stored):
                self._fault(row.seq, row.entry_id, "is not the one of the exported head")

    def _fault(self, seq: int, entry_id: str | None, problem: str) -> None:
        if len(self._faults) < MAX_FAULTS:
            self._faults.append(Fault(seq, entry_id, problem))


def _missing(first: int, last: int, where: str) -> str:
    if first == last:
        return f"is missing {where}"
    return f"entries {first} to {last} are missing {where}"
