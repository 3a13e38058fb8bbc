"""Which name operations count, and what a name is after them: the consensus rules.

Emercoin Core 0.8.6, namecoin.cpp. An operation that does not count stays in its
block and changes nothing. Operations are checked against the state before their
block, so a name cannot be registered and updated, or deleted and registered, in
one block; of several registrations of a name in one block the first counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from nvs.testing.bulk_names import BulkLayer
from nvs.testing.name_event import Event, rented
from nvs.testing.name_script import NameOp, Operation
from nvs.testing.transactions import Transaction

MAX_NAME, MAX_VALUE = 512, 20480
"""Octets."""
MAX_DAYS = 366_000_000


class NameIndex:
    """Every operation that counted, by name, the latest last."""

    def __init__(self) -> None:
        self._events: dict[bytes, list[Event]] = {}
        self._layers: list[BulkLayer] = []

    def add_layer(self, layer: BulkLayer) -> None:
        """Names that were registered in bulk."""
        self._layers.append(layer)

    def last(self, name: bytes) -> Event | None:
        """The latest operation; None for a name never heard of, or taken back."""
        events = self._events.get(name)
        if events is not None:
            return events[-1] if events else None
        return self._first(name)

    def orphaned(self, name: bytes) -> bool:
        """Whether a reorganisation left an empty record."""
        return self._events.get(name) == []

    def history(self, name: bytes) -> Sequence[Event]:
        """All operations, oldest first; empty when there are none."""
        events = self._events.get(name)
        if events is not None:
            return tuple(events)
        first = self._first(name)
        return () if first is None else (first,)

    def names(self, prefix: bytes = b"") -> Iterator[tuple[bytes, Event]]:
        """Every name that has an operation, in no particular order."""
        for name, events in self._events.items():
            if events and name.startswith(prefix):
                yield name, events[-1]
        for layer in self._layers:
            for number in layer.starting(prefix):
                event = layer.event(number)
                if event.op.name not in self._events:
                    yield event.op.name, event

    def own_names(self) -> Iterable[bytes]:
        """The names that were not only registered in bulk."""
        return self._events

    def connect(self, height: int, transactions: Iterable[Transaction]) -> list[bytes]:
        """Apply a block; the names in order of the operations that counted."""
        applied: list[bytes] = []
        before: dict[bytes, bool] = {}
        for transaction in transactions:
            for vout, output in enumerate(transaction.outputs):
                op = output.op
                if op is None:
                    continue
                last = self.last(op.name)
                if op.name not in before:
                    before[op.name] = last is not None and last.active(height)
                was_active = before[op.name]
                if _counts(op, active=was_active) and not (
                    op.kind is Operation.NEW and op.name in applied
                ):
                    origin = (transaction.txid, vout, transaction.time, height)
                    self._record(op.name).append(_event(op, origin, last))
                    applied.append(op.name)
        return applied

    def disconnect(self, applied: Iterable[bytes]) -> None:
        """Take back what `connect` returned: the last operation of each name."""
        for name in applied:
            self._events[name].pop()

    def _record(self, name: bytes) -> list[Event]:
        if name not in self._events:
            self._events[name] = list(self.history(name))
        return self._events[name]

    def _first(self, name: bytes) -> Event | None:
        for layer in self._layers:
            number = layer.number(name)
            if number is not None:
                return layer.event(number)
        return None


def _counts(op: NameOp, *, active: bool) -> bool:
    if len(op.name) > MAX_NAME:
        return False
    if op.kind is Operation.DELETE:
        return active and not op.forged
    if not 1 <= len(op.value) <= MAX_VALUE or not 0 <= op.days <= MAX_DAYS:
        return False
    if op.kind is Operation.UPDATE:
        return active and not op.forged
    return op.days > 0 and not active


def _event(op: NameOp, origin: tuple[str, int, int, int], last: Event | None) -> Event:
    height = origin[3]
    if op.kind is Operation.NEW or last is None:
        return Event(op, *origin, height, rented(height, op.days))
    if op.kind is Operation.DELETE:
        return Event(op, *origin, last.registered_at, last.paid_until)
    return Event(op, *origin, last.registered_at, rented(last.paid_until, op.days))
