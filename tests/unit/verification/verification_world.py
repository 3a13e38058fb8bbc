"""Verification over a messaging stack on a temporary database, at a time of the test's own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from enum_backend.audit.model import AuditEvent
from enum_backend.clock import now_ms
from enum_backend.messaging.dispatcher import Dispatcher
from enum_backend.messaging.model import Client
from enum_backend.settings.verification import VerificationSettings
from enum_backend.storage.tables import fraud_counts, fraud_decisions, verifications
from enum_backend.verification import Purpose, Started, StartRequest, VerificationService
from enum_backend.verification.fraud.decisions import Decision
from enum_backend.verification.fraud.guard import FraudGuard
from enum_backend.verification.rendering import CodeTexts
from enum_backend.verification.store import Codes
from enum_backend.verification.swaps import SimSwaps
from enum_backend.verification.texts import load_texts
from tests.unit.messaging.messaging_world import World

TO = "+14155550134"
BRITISH = "+447700900123"
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_MODULES = (
    "enum_backend.verification.service",
    "enum_backend.verification.rendering",
    "enum_backend.verification.fraud.guard",
    "enum_backend.messaging.service",
    "enum_backend.messaging.dispatcher",
    "enum_backend.messaging.handover",
)


class Time:
    """What the clock shows; milliseconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # In the middle of a bucket and of a day.
        self.now = now_ms() // DAY * DAY + DAY // 2 + 2 * MINUTE
        for module in _MODULES:
            monkeypatch.setattr(f"{module}.now_ms", lambda: self.now)

    def pass_(self, milliseconds: int) -> None:
        self.now += milliseconds


@dataclass
class Verifying:
    """Everything a test touches."""

    world: World
    time: Time
    settings: VerificationSettings = field(default_factory=VerificationSettings)
    test_numbers: tuple[str, ...] = ()
    swaps: SimSwaps | None = None
    decided: list[Decision] = field(default_factory=list)
    recorded: list[AuditEvent] = field(default_factory=list)
    told: list[tuple[str, str, str]] = field(default_factory=list)

    def set(self, **changes: Any) -> None:
        """Change settings; those of the guard as `fraud={...}`."""
        self.settings = VerificationSettings(**changes)

    @property
    def guard(self) -> FraudGuard:
        return FraudGuard(
            self.world.database,
            self.settings.fraud,
            record=lambda connection, event: self.recorded.append(event),
            on_decision=self.decided.append,
        )

    @property
    def codes(self) -> Codes:
        return Codes(self.world.sealer, self.settings.test_code.get_secret_value())

    @property
    def code_texts(self) -> CodeTexts:
        texts = load_texts(self.settings.texts_file, self.settings.locale)
        return CodeTexts(self.world.database, self.codes, texts)

    @property
    def service(self) -> VerificationService:
        self.world.test_numbers = self.test_numbers
        return VerificationService(
            self.world.database,
            self.world.service,
            self.settings,
            self.guard,
            self.code_texts,
            limits=self.world.limits,
            test_numbers=self.test_numbers,
            swaps=self.swaps,
            on_started=lambda purpose, result: self.told.append(("start", purpose, result)),
            on_checked=lambda purpose, result: self.told.append(("check", purpose, result)),
        )

    def dispatcher(self) -> Dispatcher:
        world = self.world
        return Dispatcher(
            world.database,
            world.sealer,
            world.pool,
            world.dispatch,
            alone=True,
            texts=self.code_texts,
        )

    async def start(self, **changes: Any) -> Started:
        return await self.service.start(asked(**changes))

    async def code_of(self, verification_id: str) -> str:
        row = await self.row(verification_id)
        return self.codes.of(row)

    async def wrong_code(self, verification_id: str, step: int = 1) -> str:
        right = int(await self.code_of(verification_id))
        return str((right + step - 100_000) % 900_000 + 100_000)

    async def row(self, verification_id: str) -> Any:
        query = select(verifications).where(verifications.c.verification_id == verification_id)
        return await self.world.database.read(lambda c: c.execute(query).one())

    async def verification_rows(self) -> list[Any]:
        return await self.world.database.read(lambda c: list(c.execute(select(verifications))))

    async def decision_rows(self) -> list[Any]:
        query = select(fraud_decisions).order_by(fraud_decisions.c.id)
        return await self.world.database.read(lambda c: list(c.execute(query)))

    async def counts(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """(scope, country) -> sent, unverified, verified, over all time."""
        rows = await self.world.database.read(lambda c: list(c.execute(select(fraud_counts))))
        found: dict[tuple[str, str], tuple[int, int, int]] = {}
        for row in rows:
            before = found.get((row.scope, row.country), (0, 0, 0))
            now = (row.sent, row.unverified, row.verified)
            found[row.scope, row.country] = tuple(  # type: ignore[assignment]
                a + b for a, b in zip(before, now, strict=True)
            )
        return found


def asked(**changes: Any) -> StartRequest:
    values: dict[str, Any] = {
        "to": TO,
        "purpose": Purpose.PHONE_VERIFICATION,
        "client": Client("key:k1", "default", 0),
    }
    return StartRequest(**(values | changes))


def code_in(text: str) -> str:
    (code,) = set(re.findall(r"(?<!\d)\d{6}(?!\d)", text))
    return str(code)
