"""Known and unknown numbers: the same statements, the same hashes."""

from __future__ import annotations

from typing import Any

import pytest

from enum_backend.errors import CodeInvalid, RateLimitExceeded
from enum_backend.verification import Purpose
from tests.counted_work import Work, counted
from tests.unit.verification.verification_world import MINUTE, Verifying

KNOWN, UNKNOWN = "+14155550101", "+14155550102"
RESET = Purpose.PASSWORD_RESET


async def started(verifying: Verifying, to: str, **changes: Any) -> Work:
    with counted() as work:
        await verifying.start(to=to, purpose=RESET, ip="192.0.2.1", **changes)
    return work


async def test_start(verifying: Verifying) -> None:
    known = await started(verifying, KNOWN, subject="user_1")
    unknown = await started(verifying, UNKNOWN, decoy=True)
    assert known.hashes == unknown.hashes
    assert len(known.statements) == len(unknown.statements) > 5
    assert without_values(known) == without_values(unknown)


async def test_resend(verifying: Verifying) -> None:
    await started(verifying, KNOWN)
    await started(verifying, UNKNOWN, decoy=True)
    verifying.time.pass_(MINUTE)
    known = await started(verifying, KNOWN)
    unknown = await started(verifying, UNKNOWN, decoy=True)
    assert (known.statements, known.hashes) == (unknown.statements, unknown.hashes)


async def test_priced_messages(verifying: Verifying) -> None:
    """Also where money is counted before the message leaves."""
    verifying.world.registry = type(verifying.world.registry)()
    verifying.world.gateway("alpha", price="0.01")
    known = await started(verifying, KNOWN)
    unknown = await started(verifying, UNKNOWN, decoy=True)
    assert known.amount == unknown.amount


async def test_too_early(verifying: Verifying) -> None:
    await started(verifying, KNOWN)
    await started(verifying, UNKNOWN, decoy=True)
    works = []
    for to, decoy in ((KNOWN, False), (UNKNOWN, True)):
        with counted() as work, pytest.raises(RateLimitExceeded):
            await verifying.start(to=to, purpose=RESET, decoy=decoy)
        works.append(work)
    assert works[0].statements == works[1].statements
    assert works[0].hashes == works[1].hashes


async def wrong(verifying: Verifying, to: str, code: str) -> Work:
    with counted() as work, pytest.raises(CodeInvalid):
        await verifying.service.check_latest(to, code, purpose=RESET)
    return work


async def test_wrong_code(verifying: Verifying) -> None:
    real = await verifying.start(to=KNOWN, purpose=RESET)
    code = await verifying.wrong_code(real.verification_id)
    decoy = await verifying.start(to=UNKNOWN, purpose=RESET, decoy=True)
    works = [
        await wrong(verifying, KNOWN, code),
        await wrong(verifying, UNKNOWN, code),
        await wrong(verifying, UNKNOWN, await verifying.code_of(decoy.verification_id)),
        await wrong(verifying, "+14155550103", code),
    ]
    assert {tuple(work.statements) for work in works} == {tuple(works[0].statements)}
    assert {tuple(work.hashes) for work in works} == {("code",)}


def without_values(work: Work) -> list[str]:
    """Statements by their beginning: a subject changes `IS NULL` into a comparison."""
    return [statement.split("WHERE")[0] for statement in work.statements]
