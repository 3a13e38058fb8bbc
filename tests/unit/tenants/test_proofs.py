"""Proof by a code that is sent to the number."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from enum_backend.clock import now_ms
from enum_backend.codes import derive_code, new_salt
from enum_backend.errors import (
    CodeExpired,
    CodeInvalid,
    RateLimitExceeded,
    TooManyAttempts,
    ValidationFailed,
)
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import binding_proofs, bindings
from enum_backend.tenants import proofs
from enum_backend.tenants.bindings import NumberTaken
from enum_backend.tenants.numbers import TenantNumbers
from enum_backend.tenants.store import TenantStore

NUMBER = "+15550100001"
SEALER = Sealer(bytes(range(32)))


@pytest.fixture
async def numbers(database: Database) -> TenantNumbers:
    tenant_store = TenantStore(database)
    await tenant_store.create("acme")
    await tenant_store.create("rival")
    return TenantNumbers(database, SEALER)


class Handset:
    """Keeps the texts that were sent to it."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def take(self, text: str) -> None:
        self.texts.append(text)

    @property
    def code(self) -> str:
        (code,) = re.findall(r"\b[0-9]{6}\b", self.texts[-1])
        return str(code)


@pytest.fixture
def handset() -> Handset:
    return Handset()


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


async def test_the_code_binds_once(
    database: Database, numbers: TenantNumbers, handset: Handset
) -> None:
    pending = await numbers.start("acme", NUMBER, handset.take)
    assert (pending.tenant, pending.number) == ("acme", NUMBER)
    rows = await database.read(lambda c: c.execute(select(binding_proofs)).all())
    assert handset.code not in str([tuple(row) for row in rows])
    bound = await numbers.confirm("acme", NUMBER, handset.code, "key:k")
    assert (bound.tenant, bound.proof, bound.created_by) == ("acme", "code", "key:k")
    await numbers.unbind("acme", NUMBER)
    with pytest.raises(CodeExpired):
        await numbers.confirm("acme", NUMBER, handset.code, "key:k")


async def test_three_attempts_whatever_is_asked_for_meanwhile(
    numbers: TenantNumbers, handset: Handset
) -> None:
    await numbers.start("acme", NUMBER, handset.take)
    first = handset.code
    for _ in range(2):
        with pytest.raises(CodeInvalid):
            await numbers.confirm("acme", NUMBER, other_than(first), "key:k")
    await numbers.start("acme", NUMBER, handset.take)
    assert handset.code == first
    with pytest.raises(CodeInvalid):
        await numbers.confirm("acme", NUMBER, "no code", "key:k")
    for code in (first, other_than(first)):
        with pytest.raises(TooManyAttempts):
            await numbers.confirm("acme", NUMBER, code, "key:k")
    with pytest.raises(TooManyAttempts):
        await numbers.start("acme", NUMBER, handset.take)
    assert len(handset.texts) == 2


async def test_the_third_attempt_may_be_right(numbers: TenantNumbers, handset: Handset) -> None:
    await numbers.start("acme", NUMBER, handset.take)
    for _ in range(2):
        with pytest.raises(CodeInvalid):
            await numbers.confirm("acme", NUMBER, other_than(handset.code), "key:k")
    assert (await numbers.confirm("acme", NUMBER, handset.code, "key:k")).tenant == "acme"


async def test_a_code_lives_ten_minutes(
    database: Database, numbers: TenantNumbers, handset: Handset
) -> None:
    pending = await numbers.start("acme", NUMBER, handset.take)
    first = handset.code
    (row,) = await database.read(lambda c: c.execute(select(binding_proofs)).all())
    assert pending.expires_at == row.expires_at == row.created_at + 600_000
    await database.write(lambda c: c.execute(update(binding_proofs).values(expires_at=1)).rowcount)
    with pytest.raises(CodeExpired):
        await numbers.confirm("acme", NUMBER, first, "key:k")
    await numbers.start("acme", NUMBER, handset.take)
    (again,) = await database.read(lambda c: c.execute(select(binding_proofs)).all())
    assert again.id != row.id


async def test_a_code_is_its_tenants(numbers: TenantNumbers, handset: Handset) -> None:
    await numbers.start("acme", NUMBER, handset.take)
    code = handset.code
    with pytest.raises(CodeExpired):
        await numbers.confirm("rival", NUMBER, code, "key:k")
    await numbers.start("rival", NUMBER, handset.take)
    assert handset.code != code
    await numbers.confirm("rival", NUMBER, handset.code, "key:k")
    with pytest.raises(NumberTaken):
        await numbers.confirm("acme", NUMBER, code, "key:k")


async def test_numbers_that_need_no_proof_or_get_none(
    numbers: TenantNumbers, handset: Handset
) -> None:
    await numbers.bind("acme", NUMBER, "key:k")
    with pytest.raises(ValidationFailed, match="bound to you already"):
        await numbers.start("acme", NUMBER, handset.take)
    with pytest.raises(NumberTaken) as refused:
        await numbers.start("rival", NUMBER, handset.take)
    assert "acme" not in refused.value.message
    with pytest.raises(ValidationFailed, match="no tenant"):
        await numbers.start("nobody", NUMBER, handset.take)
    assert handset.texts == []


async def refuse(_: str) -> None:
    raise RateLimitExceeded


async def test_nobody_guesses_at_a_code_that_was_not_sent(
    database: Database, numbers: TenantNumbers, handset: Handset
) -> None:
    tried: list[str] = []

    async def guess(text: str) -> None:
        await handset.take(text)
        tried.append(handset.code)
        with pytest.raises(CodeExpired):
            await numbers.confirm("acme", NUMBER, handset.code, "key:k")

    async def guess_and_refuse(text: str) -> None:
        await guess(text)
        raise RateLimitExceeded

    async def guess_and_die(text: str) -> None:
        await guess(text)
        raise asyncio.CancelledError

    for send, error in (
        (guess_and_refuse, RateLimitExceeded),
        (guess_and_die, asyncio.CancelledError),
    ):
        with pytest.raises(error):
            await numbers.start("acme", NUMBER, send)
        for code in ("111111", tried[-1], tried[-1], tried[-1]):
            with pytest.raises(CodeExpired):
                await numbers.confirm("acme", NUMBER, code, "key:k")
    assert await database.read(lambda c: c.execute(select(bindings)).all()) == []
    await numbers.start("acme", NUMBER, handset.take)
    await numbers.confirm("acme", NUMBER, handset.code, "key:k")


async def test_a_code_lives_from_the_start_that_sent_it(
    database: Database, numbers: TenantNumbers, handset: Handset
) -> None:
    with pytest.raises(RateLimitExceeded):
        await numbers.start("acme", NUMBER, refuse)
    soon = now_ms() + 1000
    values = {"created_at": soon - 600_000, "expires_at": soon}
    await database.write(lambda c: c.execute(update(binding_proofs).values(**values)).rowcount)
    pending = await numbers.start("acme", NUMBER, handset.take)
    assert pending.expires_at > soon + 590_000
    (row,) = await database.read(lambda c: c.execute(select(binding_proofs)).all())
    assert (row.expires_at, row.created_at) == (pending.expires_at, pending.expires_at - 600_000)


async def test_a_repeat_that_is_refused_gives_no_attempts_back(
    numbers: TenantNumbers, handset: Handset
) -> None:
    await numbers.start("acme", NUMBER, handset.take)
    with pytest.raises(CodeInvalid):
        await numbers.confirm("acme", NUMBER, other_than(handset.code), "key:k")
    with pytest.raises(RateLimitExceeded):
        await numbers.start("acme", NUMBER, refuse)
    for _ in range(2):
        with pytest.raises(CodeInvalid):
            await numbers.confirm("acme", NUMBER, other_than(handset.code), "key:k")
    with pytest.raises(TooManyAttempts):
        await numbers.start("acme", NUMBER, refuse)
    with pytest.raises(TooManyAttempts):
        await numbers.confirm("acme", NUMBER, handset.code, "key:k")


@given(st.binary(min_size=32, max_size=32), st.text(max_size=30), st.binary(max_size=16))
def test_codes_are_six_digits_and_the_same_each_time(key: bytes, subject: str, salt: bytes) -> None:
    code = derive_code(Sealer(key), "p", subject, salt)
    assert re.fullmatch(r"[1-9][0-9]{5}", code)
    assert derive_code(Sealer(key), "p", subject, salt) == code


def test_codes_differ_by_everything() -> None:
    base = ("p", "id", b"salt")
    codes = {derive_code(SEALER, *base)}
    codes |= {derive_code(Sealer(bytes(32)), *base), derive_code(SEALER, "q", "id", b"salt")}
    codes |= {derive_code(SEALER, "p", "other", b"salt"), derive_code(SEALER, "p", "id", b"other")}
    assert len(codes) == 5
    assert new_salt() != new_salt()


def test_codes_are_drawn_fairly() -> None:
    class Unfair(Sealer):
        def __init__(self, digest: bytes) -> None:
            self._digest = digest

        def digest(self, *parts: str) -> bytes:
            return self._digest

    top = bytes.fromhex("ffffffff")
    assert derive_code(Unfair(top + (7).to_bytes(4, "big") + top * 6), "p", "i", b"") == "100007"
    assert re.fullmatch(r"[1-9][0-9]{5}", derive_code(Unfair(top * 8), "p", "i", b""))


def test_limits_are_as_the_design_has_them() -> None:
    assert (proofs.LIFE_MS, proofs.MAX_ATTEMPTS) == (600_000, 3)
