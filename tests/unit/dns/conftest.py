"""A directory built by hand, so that these tests need no record formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from nvs.errors import NvsUnavailable
from nvs.number_record import NumberRecord, Service, Trust, TrustLevel

SIP = Service(
    "E2U+sip",
    "!^.*$!sip:+14155551234@pbx.example!",
    "sip:+14155551234@pbx.example",
    100,
    10,
)


@dataclass
class FakeSource:
    numbers: set[str] = field(default_factory=set)
    knows_prefixes: bool = True
    generation: int = 7

    def has_longer(self, digits: str) -> bool:
        assert self.knows_prefixes, "not to be asked"
        return any(n.startswith(digits) and len(n) > len(digits) for n in self.numbers)


@dataclass
class FakeDirectory:
    """Records by `+E.164`; an exception in place of a record is raised."""

    records: dict[str, NumberRecord | Exception] = field(default_factory=dict)
    source: FakeSource = field(default_factory=FakeSource)
    asked: list[str] = field(default_factory=list)

    def put(
        self,
        number: str = "+14155551234",
        *services: Service,
        level: TrustLevel = TrustLevel.OPERATOR,
        ttl: int = 3600,
        stale: float = 0.0,
    ) -> FakeDirectory:
        self.source.numbers.add(number.removeprefix("+"))
        self.records[number] = NumberRecord(
            number, (), Trust(level, "test"), services, None, ttl, "memory", None, stale
        )
        return self

    def fail(self, number: str, error: Exception | None = None) -> FakeDirectory:
        self.records[number] = error or NvsUnavailable("node is down")
        return self

    def may_answer_any(self, digits: str) -> bool:
        return digits.startswith("1800")

    async def record(self, number: str) -> NumberRecord | None:
        self.asked.append(number)
        found = self.records.get(number)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def sip() -> Service:
    return SIP


@pytest.fixture
def make_directory() -> Callable[[], FakeDirectory]:
    return FakeDirectory


@pytest.fixture
def directory() -> FakeDirectory:
    """One number, +14155551234, with one SIP service."""
    return FakeDirectory().put("+14155551234", SIP)
