"""Password reset by SMS."""

from __future__ import annotations

import time
from typing import Any

import pyotp
import pytest
from sqlalchemy import update

from enum_backend.accounts import passwords
from enum_backend.errors import DatabaseUnavailable
from enum_backend.storage.tables import verifications
from tests.people import OTHER_PASSWORD, PASSWORD, People, people, wait_until

ALICE, BOB = "alice@example.org", "bob@example.org"
NUMBER, OTHER = "+14155550101", "+14155550102"
REQUEST, RESET = "/api/auth/sms/request-password-reset", "/api/auth/sms/verify-and-reset"


def wrong(code: str) -> str:
    """Another six digits."""
    return f"{(int(code) - 99_999) % 900_000 + 100_000}"


async def request(town: People, number: str = NUMBER) -> str:
    """The code of a reset."""
    before = len(town.server.messages)
    reply = await town.post(REQUEST, {"phoneNumber": number})
    assert reply.status == 202
    return await town.next_code(before)


def body(code: str, **more: object) -> dict[str, object]:
    return {"phoneNumber": NUMBER, "code": code, "newPassword": OTHER_PASSWORD, **more}


async def test_reset_ends_all_sessions_and_tells_the_user(town: People) -> None:
    first = await town.with_phone(ALICE, NUMBER)
    second = (await town.login(ALICE)).body["token"]
    code = await request(town)
    assert (await town.post(RESET, body(wrong(code)))).error_code == "CODE_INVALID"
    reply = await town.post(RESET, body(code))
    assert reply.status == 200
    assert reply.body.keys() == {"success", "message"}
    assert not await town.lives(first)
    assert not await town.lives(second)
    assert (await town.login(ALICE)).status == 401
    assert (await town.login(ALICE, OTHER_PASSWORD)).status == 200
    assert (await town.post(RESET, body(code))).status == 400

    async def told() -> bool:
        return any("password was changed" in sms.text for sms in town.server.messages)

    await wait_until(told)
    assert {"PASSWORD_RESET_REQUESTED", "PASSWORD_RESET_DONE"} <= {*await town.events()}


async def test_weak_passwords_do_not_use_the_code_up(town: People) -> None:
    await town.with_phone(ALICE, NUMBER)
    code = await request(town)
    reply = await town.post(RESET, body(code) | {"newPassword": "password"})
    assert reply.status == 422
    assert reply.body["errors"][0]["field"] == "newPassword"
    assert (await town.post(RESET, body(code))).status == 200


async def test_only_verified_phones_count(town: People) -> None:
    token = await town.register(ALICE)
    path = "/api/auth/sms/send-phone-verification"
    await town.good(path, {"phoneNumber": NUMBER}, token=token)
    before = await town.server.wait_for_messages(1)
    assert (await town.post(REQUEST, {"phoneNumber": NUMBER})).status == 202
    assert (await town.post(REQUEST, {"phoneNumber": "+447700900123"})).status == 202
    bob = await town.with_phone(BOB, OTHER)  # a later message has arrived by now
    assert await town.lives(bob)
    texts = [sms.text for sms in town.server.messages[len(before) :] if sms.to == NUMBER]
    assert texts == []


async def test_a_login_that_waits_ends_with_the_reset(town: People) -> None:
    _, codes = await town.with_two_factor(ALICE, NUMBER)
    waiting = await town.login_token(ALICE)
    code = await request(town)
    refused = await town.post(RESET, body(code))
    grant = refused.body["resetToken"]
    await town.good(RESET, body(codes[0], resetToken=grant, useBackupCode=True))
    assert (await town.verify(ALICE, waiting, codes[1], backup=True)).error_code == "CODE_INVALID"


async def test_the_same_phone_is_not_enough_for_two_factor(town: People) -> None:
    token, codes = await town.with_two_factor(ALICE, NUMBER)
    code = await request(town)
    refused = await town.post(RESET, body(code))
    assert refused.error_code == "FORBIDDEN"
    assert (await town.login(ALICE)).status == 200
    assert await town.lives(token)
    grant = refused.body["resetToken"]
    sms = await request(town)
    assert (await town.post(RESET, body(sms, resetToken=grant))).error_code == "CODE_INVALID"
    plain = await town.post(RESET, body(codes[0], resetToken=grant))
    assert plain.error_code == "CODE_INVALID"
    done = await town.post(RESET, body(codes[0], resetToken=grant, useBackupCode=True))
    assert done.status == 200
    used = await town.post(RESET, body(codes[1], resetToken=grant, useBackupCode=True))
    assert used.error_code == "CODE_INVALID"
    assert not await town.lives(token)


async def test_the_app_is_enough(town: People) -> None:
    token = await town.with_phone(ALICE, NUMBER)
    app = pyotp.TOTP((await town.good("/api/auth/totp/enroll", token=token))["secret"])
    earlier = app.at(int(time.time()) - 30)
    await town.good("/api/auth/totp/confirm", {"code": earlier}, token=token)
    refused = await town.post(RESET, body(await request(town)))
    grant = refused.body["resetToken"]
    replayed = await town.post(RESET, body(earlier, resetToken=grant))
    assert replayed.error_code == "CODE_INVALID"
    other = body(app.at(int(time.time()) + 29), resetToken=grant) | {"phoneNumber": OTHER}
    assert (await town.post(RESET, other)).error_code == "CODE_INVALID"
    code = app.at(int(time.time()) + 29)
    assert (await town.post(RESET, body(code, resetToken=grant))).status == 200
    assert (await town.login(ALICE, PASSWORD)).status == 401


async def test_a_grant_has_three_attempts(town: People) -> None:
    _, codes = await town.with_two_factor(ALICE, NUMBER)
    refused = await town.post(RESET, body(await request(town)))
    grant = refused.body["resetToken"]
    for _ in range(3):
        bad = body("aaaaa-aaaaa", resetToken=grant, useBackupCode=True)
        assert (await town.post(RESET, bad)).error_code == "CODE_INVALID"
    late = await town.post(RESET, body(codes[0], resetToken=grant, useBackupCode=True))
    assert late.error_code == "TOO_MANY_ATTEMPTS"


async def test_refusals_are_not_shown(storage_settings: dict[str, Any]) -> None:
    """What is in the way of sending tells nobody whose number it is."""
    async with people(storage_settings, {"limits": {"per_recipient_hour": 1}}) as town:
        await town.with_phone(ALICE, NUMBER)
        known = await town.post(REQUEST, {"phoneNumber": NUMBER})
        unknown = await town.post(REQUEST, {"phoneNumber": OTHER})
        assert (known.status, known.body) == (unknown.status, unknown.body)
        assert known.status == 202
        page = await town.server.services.audit.page(event_type="PASSWORD_RESET_REQUESTED")
        assert [entry.metadata["refused"] for entry in page.entries] == ["RATE_LIMIT_EXCEEDED", ""]
        malformed = await town.post(REQUEST, {"phoneNumber": "12"})
        assert malformed.error_code == "INVALID_PHONE_FORMAT"


async def test_a_late_code_is_answered_like_a_wrong_one(town: People) -> None:
    """Only a number that codes are sent to can have one that is too old."""
    await town.with_phone(ALICE, NUMBER)
    code = await request(town)
    await town.server.services.database.write(
        lambda c: c.execute(update(verifications).values(expires_at=1))
    )
    late = await town.post(RESET, body(code))
    never = await town.post(RESET, body(code) | {"phoneNumber": OTHER})
    assert late.error_code == "CODE_INVALID"
    assert (late.status, late.body) == (never.status, never.body)


async def test_a_full_queue_does_not_use_the_code_up(
    town: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.with_phone(ALICE, NUMBER)
    code = await request(town)
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "MOST_WAITING", 0)
        assert (await town.post(RESET, body(code))).status == 429
    assert (await town.post(RESET, body(code))).status == 200


async def test_a_place_in_the_queue_is_kept(town: People, monkeypatch: pytest.MonkeyPatch) -> None:
    await town.with_phone(ALICE, NUMBER)
    code = await request(town)
    verification = town.server.services.verification
    check = verification.check_latest

    async def filled(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(passwords, "MOST_WAITING", 0)
        return await check(*args, **named)

    monkeypatch.setattr(verification, "check_latest", filled)
    assert (await town.post(RESET, body(code))).status == 200
    assert town.accounts._passwords._waiting == 0


async def test_sessions_end_before_the_password_changes(
    town: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And those of the old password that begin meanwhile."""
    token = await town.with_phone(ALICE, NUMBER)
    code = await request(town)
    directory = town.accounts.users.directory
    store = type(directory).set_password
    seen: list[Any] = []

    async def slow(self: Any, user_id: str, password: str) -> None:
        seen.append(await town.lives(token))
        seen.append((await town.login(ALICE)).body["token"])
        await store(self, user_id, password)

    monkeypatch.setattr(type(directory), "set_password", slow)
    assert (await town.post(RESET, body(code))).status == 200
    lived, meanwhile = seen
    assert not lived
    assert not await town.lives(meanwhile)


async def test_a_grant_is_used_up_before_the_password_changes(
    town: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, codes = await town.with_two_factor(ALICE, NUMBER)
    grant = (await town.post(RESET, body(await request(town)))).body["resetToken"]
    directory = type(town.accounts.users.directory)
    with monkeypatch.context() as patch:

        async def fails(*_: Any) -> None:
            raise DatabaseUnavailable

        patch.setattr(directory, "set_password", fails)
        broken = await town.post(RESET, body(codes[0], resetToken=grant, useBackupCode=True))
        assert broken.status == 503
    again = await town.post(RESET, body(codes[1], resetToken=grant, useBackupCode=True))
    assert again.error_code == "CODE_INVALID"


async def test_the_own_address_is_no_new_password(town: People) -> None:
    await town.with_phone(ALICE, NUMBER)
    bad = {"newPassword": ALICE}
    code = await request(town)
    wrong_code = await town.post(RESET, body(wrong(code)) | bad)
    assert wrong_code.error_code == "CODE_INVALID"  # not a word about whose number it is
    reply = await town.post(RESET, body(code) | bad)
    assert reply.status == 422
    assert reply.body["errors"][0]["field"] == "newPassword"
    assert (await town.login(ALICE)).status == 200
