"""Many names at once: listed ones, and synthetic ones that need no memory."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from nvs.testing.chain_addresses import KeyHash, Network, read_address, write_address
from nvs.testing.name_event import Event, rented
from nvs.testing.name_script import NameOp, Operation
from nvs.testing.transactions import Input, Output, Transaction

NAME_PRICE = 100
"""Millionths of a coin in a name's output."""


class BulkName(NamedTuple):
    """One name to be registered; `address` of the chain's network."""

    name: bytes
    value: bytes
    days: int
    address: str


class NameSource(Protocol):
    """Names by number; the order of numbers is the order of registration."""

    def __len__(self) -> int:
        """How many."""

    def __getitem__(self, number: int, /) -> tuple[bytes, bytes, int, str]:
        """`(name, value, days, address)`."""

    def number(self, name: bytes) -> int | None:
        """A name's number, None when it is not there."""

    def starting(self, prefix: bytes) -> Iterable[int]:
        """Numbers of the names with a prefix."""


class ListedNames:
    """Names held in memory."""

    def __init__(self, names: Iterable[tuple[bytes, bytes, int, str]]) -> None:
        """Raises ValueError when a name comes twice."""
        self._names = list(names)
        self._numbers = {entry[0]: number for number, entry in enumerate(self._names)}
        if len(self._numbers) != len(self._names):
            raise ValueError("a name comes twice")
        self._sorted: list[bytes] | None = None

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, number: int) -> tuple[bytes, bytes, int, str]:
        return self._names[number]

    def number(self, name: bytes) -> int | None:
        """See `NameSource`."""
        return self._numbers.get(name)

    def starting(self, prefix: bytes) -> Iterable[int]:
        """See `NameSource`."""
        if not prefix:
            return range(len(self._names))
        if self._sorted is None:
            self._sorted = sorted(self._numbers)
        return self._starting(self._sorted, prefix)

    def _starting(self, names: Sequence[bytes], prefix: bytes) -> Iterator[int]:
        for i in range(bisect.bisect_left(names, prefix), len(names)):
            if not names[i].startswith(prefix):
                return
            yield self._numbers[names[i]]


class SyntheticNames:
    """`enum:1NNNNNNNNNN:0` with two services each, computed from their number.

    The numbers spread evenly over the ten digits after the country code, so that
    leading digits make shards of equal size.
    """

    PREFIX = b"enum:1"
    SUFFIX = b":0"
    OWNERS = 1000

    def __init__(self, count: int, network: Network, *, days: int = 3650) -> None:
        self._count = count
        self._days = days
        self._step = 10**10 // max(count, 1)
        self._addresses = [
            write_address(
                network, KeyHash(hashlib.sha256(b"owner %d" % i).digest()[:20], legacy=False)
            )
            for i in range(min(self.OWNERS, count))
        ]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> BulkName:
        digits = b"%010d" % (number * self._step)
        value = (
            b"E2U+sip=100|10|!^.*$!sip:1%b@pbx%d.example!\n"
            b"E2U+sms:tel=100|20|!^.*$!tel:+1%b!\nTTL=3600" % (digits, number % 97, digits)
        )
        name = self.PREFIX + digits + self.SUFFIX
        return BulkName(name, value, self._days, self._addresses[number % len(self._addresses)])

    def number(self, name: bytes) -> int | None:
        """See `NameSource`."""
        digits = name.removeprefix(self.PREFIX).removesuffix(self.SUFFIX)
        if len(digits) != 10 or not digits.isdigit():
            return None
        number, rest = divmod(int(digits), self._step)
        if rest or number >= self._count or name != self.PREFIX + digits + self.SUFFIX:
            return None
        return number

    def starting(self, prefix: bytes) -> Iterable[int]:
        """See `NameSource`; names and numbers are in the same order."""
        cut = len(prefix)
        everything = range(self._count)
        first = bisect.bisect_left(everything, prefix, key=lambda i: self[i].name[:cut])
        return range(
            first,
            bisect.bisect_right(everything, prefix, lo=first, key=lambda i: self[i].name[:cut]),
        )


class BulkLayer:
    """A source of names in consecutive blocks from `height` on, one transaction a name."""

    def __init__(
        self, source: NameSource, network: Network, height: int, time: int, per_block: int
    ) -> None:
        self._source = source
        self._network = network
        self._height = height
        self._time = time
        self._per_block = per_block

    @property
    def blocks(self) -> int:
        """How many blocks it takes."""
        return -(-len(self._source) // self._per_block)

    def number(self, name: bytes) -> int | None:
        """A name's number."""
        return self._source.number(name)

    def starting(self, prefix: bytes) -> Iterable[int]:
        """Numbers of the names with a prefix."""
        return self._source.starting(prefix)

    def event(self, number: int) -> Event:
        """The registration of a name."""
        transaction, op = self._transaction(number)
        height = self._height + number // self._per_block
        time, paid_until = transaction.time, rented(height, op.days)
        return Event(op, transaction.txid, 0, time, height, height, paid_until)

    def transactions(self, block: int) -> list[Transaction]:
        """Those of the `block`-th block."""
        first = block * self._per_block
        last = min(first + self._per_block, len(self._source))
        return [self._transaction(number)[0] for number in range(first, last)]

    def _transaction(self, number: int) -> tuple[Transaction, NameOp]:
        name, value, days, address = self._source[number]
        owner = read_address(self._network, address)
        op = NameOp(Operation.NEW, name, value, days, owner)
        spent = Input(f"{number + 1:064x}", 0)
        return Transaction(self._time, (spent,), (Output(NAME_PRICE, owner, op),)), op
