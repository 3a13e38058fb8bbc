"""Whose a message is: every rule, and none of them a guess."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from enum_backend.messaging import owners
from enum_backend.messaging.owners import (
    Claim,
    Claims,
    Owner,
    OwnerReason,
    RecordClaims,
    decide,
    existing,
)
from nvs.directory import Directory
from nvs.errors import NvsUnavailable
from nvs.number_record import TrustLevel
from nvs.sources import MemorySource
from tests.unit.messaging.inbound_world import OURS, POLICY

ACME, OTHER = Claim("acme"), Claim("other")


@pytest.mark.parametrize(
    ("bound_to", "private_to", "claims", "tenant", "reason", "is_open"),
    [
        ("acme", "", Claims((OTHER,)), "acme", "binding", False),
        ("acme", "other", Claims((OTHER, Claim("third"))), "acme", "binding", False),
        ("acme", "", Claims(known=False), "acme", "binding", True),
        (None, "acme", Claims((OTHER,)), "acme", "gateway", False),
        (None, "acme", Claims(known=False), "acme", "gateway", True),
        (None, "", Claims((ACME,)), "acme", "record", False),
        (None, "", Claims((ACME, ACME)), "acme", "record", False),
        (None, "", Claims((ACME, OTHER)), None, "conflict", False),
        (None, "", Claims(), "default", "default", False),
        (None, "", Claims(known=False), None, "unreadable", True),
    ],
)
def test_the_rules(
    bound_to: Any, private_to: str, claims: Claims, tenant: Any, reason: str, is_open: bool
) -> None:
    owner = decide(bound_to, private_to, claims)
    assert (owner.tenant, owner.reason, owner.open) == (tenant, reason, is_open)


def test_nobody_owns_what_a_tenant_that_does_not_exist_would() -> None:
    mine = Owner("acme", OwnerReason.BINDING, open=True)
    assert existing(mine, {"acme"}.__contains__) is mine
    assert existing(mine, {"other"}.__contains__) == Owner(None, OwnerReason.NO_TENANT)
    nobody = Owner(None, OwnerReason.UNREADABLE, open=True)
    assert existing(nobody, {"acme"}.__contains__) is nobody


class Counting(MemorySource):
    """Counts, fails or hangs."""

    asked = 0
    trouble: BaseException | None = None
    hangs = False

    async def read(self, digits: str) -> Any:
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(30)
        if self.trouble is not None:
            raise self.trouble
        return await super().read(digits)


@pytest.fixture
def source() -> Counting:
    return Counting(trust=TrustLevel.UNTRUSTED)


@pytest.fixture
def claims(source: Counting) -> RecordClaims:
    return RecordClaims(Directory(source, POLICY))


async def test_what_records_say(source: Counting, claims: RecordClaims) -> None:
    assert await claims.of(OURS) == Claims()
    source.put(
        "enum:14155550001:0",
        {"sms": {"provider": "x", "number": OURS, "forward_to": ["a@b.example", "+15550001"]}},
        "EAcme",
    )
    source.put(
        "enum:14155550002:0",
        {"sms_provider": "x", "sms_number": OURS, "sms_webhook": "https://h.example/"},
        "EOther",
    )
    found = await claims.of(OURS)
    assert found.tenants == {"acme", "other"}
    assert found.of("acme") == (Claim("acme", ("a@b.example", "+15550001")),)
    assert found.of("other") == (Claim("other", (), "https://h.example/"),)
    assert found.of("nobody") == ()


async def test_bursts_ask_once(source: Counting, claims: RecordClaims) -> None:
    for _ in range(20):
        await claims.of(OURS)
    assert source.asked == 1
    source.put("enum:14155550001:0", {"sms": f"telnyx:{OURS}"}, "EAcme")
    assert (await claims.of(OURS)).tenants == {"acme"}


async def test_records_that_cannot_be_read(source: Counting, claims: RecordClaims) -> None:
    source.trouble = NvsUnavailable("the node is away")
    assert await claims.of(OURS) == owners.UNKNOWN_CLAIMS
    source.trouble = None
    assert await claims.of(OURS) == Claims()


async def test_records_that_take_too_long(source: Counting, claims: RecordClaims) -> None:
    source.hangs = True
    assert await claims.of(OURS, seconds=0.01) == owners.UNKNOWN_CLAIMS


async def test_what_is_no_number_has_no_record(claims: RecordClaims) -> None:
    assert await claims.of("12345678901234567") == Claims()
    assert (await claims.of("Shop")).known


def test_every_reason_fits_its_column() -> None:
    assert max(len(reason) for reason in OwnerReason) <= 16
