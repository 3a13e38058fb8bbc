"""A running server around a directory built by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from enum_backend.dns.responder import Responder
from enum_backend.dns.server import DnsServer
from enum_backend.dns.zone import Zone
from nvs.errors import NvsUnavailable
from nvs.number_record import NumberRecord, Service, Trust, TrustLevel


@dataclass
class OneNumberSource:
    knows_prefixes: bool = True
    generation: int = 42

    def has_longer(self, digits: str) -> bool:
        return len(digits) < 11 and "14155551234".startswith(digits)


@dataclass
class OneNumberDirectory:
    """+14155551234 exists, +14155550... is slow, +14155559999 fails."""

    services: tuple[Service, ...] = (
        Service("E2U+sip", "!^.*$!sip:+14155551234@pbx.example!", None, 100, 10),
        Service("E2U+sms:tel", "!^.*$!tel:+14155551234!", None, 100, 20),
    )
    source: OneNumberSource = field(default_factory=OneNumberSource)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    def may_answer_any(self, digits: str) -> bool:
        return digits.startswith("1800")

    async def record(self, number: str) -> NumberRecord | None:
        if number == "+14155559999":
            raise NvsUnavailable("node is down")
        if number.startswith("+14155550"):
            self.waiting += 1
            await self.gate.wait()
        if number != "+14155551234":
            return None
        trust = Trust(TrustLevel.OPERATOR, "test")
        return NumberRecord(number, (), trust, self.services, None, 3600, "memory")


@pytest.fixture
def directory() -> OneNumberDirectory:
    return OneNumberDirectory()


@pytest.fixture
def answers() -> list[tuple[str, str, str]]:
    """What the server told its counter."""
    return []


@pytest.fixture
async def server(
    directory: OneNumberDirectory, answers: list[tuple[str, str, str]]
) -> AsyncIterator[DnsServer]:
    responder = Responder(directory, [Zone("e164.arpa", nameservers=["ns.example"])])
    async with DnsServer(responder, port=0, on_answer=lambda *a: answers.append(a)) as running:
        yield running
