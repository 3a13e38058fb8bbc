"""What is measured: something that accepts an SMS over HTTP and hands it to the sink."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol

from tests.benchmarks.messaging.load import Address

TEXT = "Your parcel waits at the counter until 18:00. Bring a photo id, please."
_TICKS = os.sysconf("SC_CLK_TCK")
_numbers = count(1)


class Unavailable(Exception):
    """Something that a case needs is not here; says what."""


class System(Protocol):
    """A running one."""

    @property
    def addresses(self) -> Sequence[Address]:
        """Where requests go."""

    @property
    def pids(self) -> Sequence[int]:
        """Its processes."""

    def request(self, number: str) -> bytes:
        """The octets that ask to send `TEXT` to `+number`."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One line of the table.

    Attributes:
        durability: what an answer promises when the power fails.
    """

    name: str
    durability: str


def requests(system: System) -> Iterator[bytes]:
    """Endless, each to a number of its own."""
    while True:
        yield system.request(f"1555{next(_numbers):07}")


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time the processes have used so far."""
    used = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / _TICKS
