"""A code is counted, compared, used once."""

from __future__ import annotations

import asyncio

import pytest

from enum_backend.errors import CodeExpired, CodeInvalid, TooManyAttempts
from enum_backend.messaging.model import Client
from enum_backend.verification import Checked, Purpose, checking, store
from enum_backend.verification.service import typed
from tests.unit.verification.verification_world import BRITISH, MINUTE, TO, Verifying


async def test_right_code_works_once(verifying: Verifying) -> None:
    started = await verifying.start(subject="user_1")
    code = await verifying.code_of(started.verification_id)
    checked = await verifying.service.check(started.verification_id, code, subject="user_1")
    assert checked == Checked(
        started.verification_id, TO, Purpose.PHONE_VERIFICATION, "user_1", "default"
    )
    with pytest.raises(CodeInvalid):
        await verifying.service.check(started.verification_id, code, subject="user_1")
    row = await verifying.row(started.verification_id)
    assert (row.used_at, row.attempts) == (verifying.time.now, 1)
    assert verifying.told == [
        ("start", "PHONE_VERIFICATION", "sent"),
        ("check", "PHONE_VERIFICATION", "approved"),
        ("check", "PHONE_VERIFICATION", "invalid"),
    ]


async def test_three_attempts_then_not_even_the_right_code(verifying: Verifying) -> None:
    started = await verifying.start()
    for step in (1, 2, 3):
        wrong = await verifying.wrong_code(started.verification_id, step)
        with pytest.raises(CodeInvalid):
            await verifying.service.check(started.verification_id, wrong)
    code = await verifying.code_of(started.verification_id)
    with pytest.raises(TooManyAttempts):
        await verifying.service.check(started.verification_id, code)
    row = await verifying.row(started.verification_id)
    assert (row.attempts, row.used_at) == (3, None)


async def test_third_attempt_still_counts(verifying: Verifying) -> None:
    started = await verifying.start()
    for step in (1, 2):
        wrong = await verifying.wrong_code(started.verification_id, step)
        with pytest.raises(CodeInvalid):
            await verifying.service.check(started.verification_id, wrong)
    code = await verifying.code_of(started.verification_id)
    assert await verifying.service.check(started.verification_id, code)


async def test_life_of_ten_minutes(verifying: Verifying) -> None:
    started = await verifying.start()
    assert started.expires_at == verifying.time.now + 10 * MINUTE
    code = await verifying.code_of(started.verification_id)
    verifying.time.now = started.expires_at
    with pytest.raises(CodeExpired):
        await verifying.service.check(started.verification_id, code)
    assert (await verifying.row(started.verification_id)).attempts == 0
    verifying.time.now -= 1
    assert await verifying.service.check(started.verification_id, code)


async def test_bound_to_number_purpose_subject_and_tenant(verifying: Verifying) -> None:
    started = await verifying.start(subject="user_1", client=Client("key:k", "acme", 0))
    code = await verifying.code_of(started.verification_id)
    known = {"subject": "user_1", "tenant": "acme"}
    for other in (
        {"purpose": Purpose.PASSWORD_RESET},
        {"number": BRITISH},
        {"subject": "user_2"},
        {"subject": None},
        {"tenant": "rival"},
    ):
        with pytest.raises(CodeInvalid) as refused:
            await verifying.service.check(started.verification_id, code, **(known | other))
        assert refused.value.message == CodeInvalid().message
    assert (await verifying.row(started.verification_id)).attempts == 0
    assert await verifying.service.check(
        started.verification_id, code, purpose=Purpose.PHONE_VERIFICATION, number=TO, **known
    )


async def test_code_of_one_verification_is_no_good_for_another(verifying: Verifying) -> None:
    ours = await verifying.start()
    theirs = await verifying.start(to=BRITISH)
    code = await verifying.code_of(ours.verification_id)
    assert code != await verifying.code_of(theirs.verification_id)
    with pytest.raises(CodeInvalid):
        await verifying.service.check(theirs.verification_id, code)


async def test_unknown_id(verifying: Verifying) -> None:
    with pytest.raises(CodeInvalid):
        await verifying.service.check("ver_000000000000000000000000", "123456")
    assert verifying.told == [("check", "unknown", "invalid")]


async def test_decoy_is_never_right(verifying: Verifying) -> None:
    decoy = await verifying.start(decoy=True, purpose=Purpose.PASSWORD_RESET)
    assert not decoy.sent
    code = await verifying.code_of(decoy.verification_id)
    for _ in range(3):
        with pytest.raises(CodeInvalid):
            await verifying.service.check(decoy.verification_id, code)
    with pytest.raises(TooManyAttempts):
        await verifying.service.check(decoy.verification_id, code)
    assert (await verifying.row(decoy.verification_id)).used_at is None


async def test_latest_by_number(verifying: Verifying) -> None:
    reset = Purpose.PASSWORD_RESET
    old = await verifying.start(purpose=reset, subject="user_1")
    verifying.time.pass_(11 * MINUTE)
    new = await verifying.start(purpose=reset, subject="user_1")
    assert new.verification_id != old.verification_id
    code = await verifying.code_of(new.verification_id)
    for wrong in ({"subject": None}, {"subject": "user_1", "tenant": "acme"}):
        with pytest.raises(CodeInvalid):
            await verifying.service.check_latest(TO, code, purpose=reset, **wrong)
    with pytest.raises(CodeInvalid):
        await verifying.service.check_latest(
            TO, await verifying.code_of(old.verification_id), purpose=reset, subject="user_1"
        )
    checked = await verifying.service.check_latest(TO, code, purpose=reset, subject="user_1")
    assert checked.verification_id == new.verification_id


async def test_latest_of_a_number_without_any(verifying: Verifying) -> None:
    with pytest.raises(CodeInvalid):
        await verifying.service.check_latest(TO, "123456", purpose=Purpose.PASSWORD_RESET)


async def test_right_code_a_hundred_times_at_once(verifying: Verifying) -> None:
    started = await verifying.start()
    code = await verifying.code_of(started.verification_id)
    service = verifying.service
    results = await asyncio.gather(
        *(service.check(started.verification_id, code) for _ in range(100)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Checked) for result in results) == 1
    refused = [result for result in results if not isinstance(result, Checked)]
    assert all(isinstance(result, CodeInvalid | TooManyAttempts) for result in refused)
    assert (await verifying.row(started.verification_id)).attempts <= 3


async def test_guesses_at_once_take_three_attempts(verifying: Verifying) -> None:
    started = await verifying.start()
    service = verifying.service
    guesses = [await verifying.wrong_code(started.verification_id, n) for n in range(1, 201)]
    results = await asyncio.gather(
        *(service.check(started.verification_id, guess) for guess in guesses),
        return_exceptions=True,
    )
    assert sum(isinstance(result, CodeInvalid) for result in results) == 3
    assert sum(isinstance(result, TooManyAttempts) for result in results) == 197
    assert (await verifying.row(started.verification_id)).attempts == 3


async def test_losers_of_a_race_are_told_that_it_is_used(
    verifying: Verifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when it was looked for before the winner's commit."""
    started = await verifying.start()
    code = await verifying.code_of(started.verification_id)
    before = await verifying.row(started.verification_id)
    await verifying.service.check(started.verification_id, code)
    stale = store.Verification(**before._mapping)
    monkeypatch.setattr(checking, "find", lambda connection, claim: stale)
    with pytest.raises(CodeInvalid):
        await verifying.service.check(started.verification_id, code)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("123456", "123456"),
        (" 123 456\t", "123456"),
        ("123-456", "123456"),
        ("123\u00a0456", "123456"),
        ("١٢٣٤٥٦", "123456"),
        ("１２３４５６", "123456"),
        ("12345a", "12345a"),
        ("½23456", "½23456"),
    ],
)
def test_codes_as_people_type_them(text: str, code: str) -> None:
    assert typed(text) == code


async def test_nonsense_is_a_wrong_code(verifying: Verifying) -> None:
    started = await verifying.start()
    for nonsense in ("", "x" * 1000, "\ud800"):
        with pytest.raises(CodeInvalid):
            await verifying.service.check(started.verification_id, nonsense)
