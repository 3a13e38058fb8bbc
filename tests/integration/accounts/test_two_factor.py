"""Second factors: SMS, authenticator app, backup codes; the second step of a login."""

from __future__ import annotations

import re
import time
from typing import Any

import pyotp
import pytest

from enum_backend.accounts import guard
from tests.people import PASSWORD, People, people

ALICE, BOB = "alice@example.org", "bob@example.org"
NUMBER, OTHER = "+14155550101", "+14155550102"


def wrong(code: str) -> str:
    """Another six digits."""
    return f"{(int(code) - 99_999) % 900_000 + 100_000}"


async def with_app(town: People, token: str) -> tuple[pyotp.TOTP, list[str]]:
    """Enrol an authenticator app; with its backup codes."""
    enrolment = await town.good("/api/auth/totp/enroll", token=token)
    app = pyotp.TOTP(enrolment["secret"])
    assert enrolment["uri"].startswith("otpauth://totp/")
    assert enrolment["qr"].startswith("<svg")
    # The step before this one: this one's code is for the first login.
    code = app.at(int(time.time()) - 30)
    return app, (await town.good("/api/auth/totp/confirm", {"code": code}, token=token))[
        "backupCodes"
    ]


async def test_enable_and_log_in_by_sms(town: People) -> None:
    token = await town.register(ALICE)
    refused = await town.post("/api/auth/2fa/enable", token=token)
    assert refused.error_code == "FORBIDDEN"
    await town.verify_phone(token, NUMBER)
    before = len(town.server.messages)
    enabled = await town.good("/api/auth/2fa/enable", token=token)
    assert enabled == {"success": True, "backupCodes": [], "requiresVerification": True}
    assert (await town.login(ALICE)).body["success"] is True
    code = await town.next_code(before)
    path = "/api/auth/2fa/verify-and-enable"
    assert (await town.post(path, {"code": wrong(code)}, token=token)).error_code == "CODE_INVALID"
    confirmed = await town.good(path, {"code": code}, token=token)
    assert len({*confirmed["backupCodes"]}) == 10
    assert all(re.fullmatch(r"[0-9a-z]{5}-[0-9a-z]{5}", item) for item in confirmed["backupCodes"])
    reply = await town.login(ALICE)
    assert reply.body.keys() == {"success", "requires2FA", "loginToken"}
    login_token = reply.body["loginToken"]
    assert not await town.lives(login_token)
    code = await town.login_code(ALICE, login_token)
    done = await town.verify(ALICE, login_token, code)
    assert done.body.keys() == {"success", "userId", "token"}
    assert await town.lives(done.body["token"])
    assert (await town.verify(ALICE, login_token, code)).error_code == "CODE_INVALID"
    assert {"TWO_FACTOR_ENABLED", "LOGIN_SUCCEEDED"} <= {*await town.events()}


async def test_a_login_token_is_of_one_account(town: People) -> None:
    await town.with_two_factor(ALICE, NUMBER)
    await town.with_two_factor(BOB, OTHER)
    alices, bobs = await town.login_token(ALICE), await town.login_token(BOB)
    code = await town.login_code(ALICE, alices)
    answers = [
        await town.verify(ALICE, bobs, code),
        await town.verify(BOB, alices, code),
        await town.verify(ALICE, "", code),
        await town.verify(ALICE, "made-up", code),
        await town.verify("nobody@example.org", "made-up", code),
        await town.post("/api/auth/2fa/verify", {"email": ALICE, "code": code}),
        await town.verify(ALICE, alices, wrong(code)),
        await town.post("/api/auth/2fa/send-code", {"email": ALICE}),
        await town.post("/api/auth/2fa/send-code", {"email": BOB, "loginToken": alices}),
    ]
    assert {reply.status for reply in answers} == {400}
    assert len({str(reply.body) for reply in answers}) == 1
    assert (await town.verify(ALICE, alices, code)).status == 200


async def test_a_code_is_of_one_login(town: People) -> None:
    """A code that was sent for one login does not complete another, which sent none."""
    await town.with_two_factor(ALICE, NUMBER)
    first, second = await town.login_token(ALICE), await town.login_token(ALICE)
    code = await town.login_code(ALICE, first)
    assert (await town.verify(ALICE, second, code)).error_code == "CODE_INVALID"
    assert (await town.verify(ALICE, first, code)).status == 200


async def test_three_wrong_codes_end_the_login(town: People) -> None:
    await town.with_two_factor(ALICE, NUMBER)
    token = await town.login_token(ALICE)
    code = await town.login_code(ALICE, token)
    for _ in range(3):
        assert (await town.verify(ALICE, token, wrong(code))).error_code == "CODE_INVALID"
    assert (await town.verify(ALICE, token, code)).error_code == "TOO_MANY_ATTEMPTS"


async def test_backup_codes_work_once(town: People) -> None:
    token, codes = await town.with_two_factor(ALICE, NUMBER)
    first = await town.verify(ALICE, await town.login_token(ALICE), codes[0], backup=True)
    assert first.status == 200
    waiting = await town.login_token(ALICE)
    assert (await town.verify(ALICE, waiting, codes[0], backup=True)).error_code == "CODE_INVALID"
    assert (await town.verify(ALICE, waiting, codes[1])).error_code == "CODE_INVALID"
    typed = codes[1].upper().replace("-", " ").replace("0", "O")
    assert (await town.verify(ALICE, waiting, typed, backup=True)).status == 200
    assert (await town.get("/api/auth/me", token=token)).body["backupCodesLeft"] == 8
    assert (await town.events()).count("BACKUP_CODE_USED") == 2


async def test_authenticator_app(town: People) -> None:
    token = await town.register(ALICE)
    bad = await town.post("/api/auth/totp/confirm", {"code": "123456"}, token=token)
    assert bad.error_code == "CODE_INVALID"
    app, backup = await with_app(town, token)
    assert len(backup) == 10
    me = (await town.get("/api/auth/me", token=token)).body
    assert (me["methods"], me["twoFactorEnabled"]) == (["totp"], True)
    waiting = await town.login_token(ALICE)
    body = {"email": ALICE, "loginToken": waiting}
    assert (await town.post("/api/auth/2fa/send-code", body)).status == 422
    code = app.at(int(time.time()) + 29)
    assert (await town.verify(ALICE, waiting, code)).status == 200
    again = await town.login_token(ALICE)
    assert (await town.verify(ALICE, again, code)).error_code == "CODE_INVALID"
    assert (await town.verify(ALICE, again, app.at(int(time.time()) - 900))).status == 400
    assert (await town.verify(ALICE, again, backup[0], backup=True)).status == 200


async def test_app_beside_sms(town: People) -> None:
    token, codes = await town.with_two_factor(ALICE, NUMBER)
    app, more = await with_app(town, token)
    assert more == []  # the former backup codes stay good
    by_app = await town.verify(ALICE, await town.login_token(ALICE), app.at(int(time.time()) + 29))
    assert by_app.status == 200
    waiting = await town.login_token(ALICE)
    by_sms = await town.verify(ALICE, waiting, await town.login_code(ALICE, waiting))
    assert by_sms.status == 200
    assert (await town.post("/api/auth/totp/disable", {"password": "x"}, token=token)).status == 403
    await town.good("/api/auth/totp/disable", {"password": PASSWORD}, token=token)
    me = (await town.get("/api/auth/me", token=token)).body
    assert (me["methods"], me["backupCodesLeft"]) == (["sms"], 10)
    waiting = await town.login_token(ALICE)
    assert (await town.verify(ALICE, waiting, codes[3], backup=True)).status == 200


async def test_disable_with_the_password(town: People) -> None:
    token, codes = await town.with_two_factor(ALICE, NUMBER)
    path = "/api/auth/2fa/disable"
    assert (await town.post(path, {"password": "not mine, no"}, token=token)).status == 403
    await town.good(path, {"password": PASSWORD}, token=token)
    assert (await town.login(ALICE)).body.keys() == {"success", "token"}
    me = (await town.get("/api/auth/me", token=token)).body
    assert (me["twoFactorEnabled"], me["backupCodesLeft"]) == (False, 0)
    assert len(codes) == 10
    assert "TWO_FACTOR_DISABLED" in await town.events()
    only_app, _ = await with_app(town, token)
    assert only_app
    await town.good("/api/auth/totp/disable", {"password": PASSWORD}, token=token)
    assert (await town.login(ALICE)).body.keys() == {"success", "token"}


@pytest.mark.parametrize(
    "path",
    [
        "/api/auth/2fa/enable",
        "/api/auth/2fa/verify-and-enable",
        "/api/auth/2fa/disable",
        "/api/auth/totp/enroll",
        "/api/auth/totp/confirm",
        "/api/auth/totp/disable",
        "/api/auth/sms/send-phone-verification",
        "/api/auth/sms/verify-phone",
        "/api/auth/sms/remove-phone",
        "/api/auth/password",
        "/api/auth/refresh",
    ],
)
async def test_what_needs_a_session(town: People, path: str) -> None:
    for token in ("", "ebs_made-up", town.server.api_key):
        assert (await town.post(path, {}, token=token)).error_code == "UNAUTHORIZED"


async def test_who_knows_the_password_only_keeps_nobody_out(
    storage_settings: dict[str, Any],
) -> None:
    """In the pause no second SMS goes out; the code of the first one counts for both logins."""
    async with people(storage_settings) as town:
        await town.with_two_factor(ALICE, NUMBER)
        thief, owner, third = [await town.login_token(ALICE) for _ in range(3)]
        service = town.server.services.verification
        service._settings = service._settings.model_copy(update={"resend_after": 600.0})
        code = await town.login_code(ALICE, thief)
        path = "/api/auth/2fa/send-code"
        refused = await town.post(path, {"email": ALICE, "loginToken": owner})
        assert refused.error_code == "RATE_LIMIT_EXCEEDED"
        assert (await town.verify(ALICE, third, code)).error_code == "CODE_INVALID"
        assert (await town.verify(ALICE, owner, code)).status == 200
        assert (await town.verify(ALICE, thief, code)).error_code == "CODE_INVALID"


async def test_a_try_that_has_to_wait_takes_no_attempt(
    town: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, codes = await town.with_two_factor(ALICE, NUMBER)
    token = await town.login_token(ALICE)
    with monkeypatch.context() as patch:
        patch.setitem(guard.FREE, guard.SECOND, 1)
        assert (await town.verify(ALICE, token, "100000")).error_code == "CODE_INVALID"
        for _ in range(3):
            assert (await town.verify(ALICE, token, codes[0], backup=True)).status == 429
    user = await town.accounts.users.find_by_email(ALICE)
    assert user is not None
    await town.server.services.database.write(lambda c: town.accounts._guard.forgive_in(c, ALICE))
    assert (await town.verify(ALICE, token, codes[0], backup=True)).status == 200


async def test_a_phone_that_goes_meanwhile_is_no_factor(
    town: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await town.with_phone(ALICE, NUMBER)
    code = await town.code_of(town.good("/api/auth/2fa/enable", token=token))
    verification = town.server.services.verification
    check = verification.check

    async def checked(*args: Any, **named: Any) -> Any:
        found = await check(*args, **named)
        await town.good("/api/auth/sms/remove-phone", {"password": PASSWORD}, token=token)
        return found

    monkeypatch.setattr(verification, "check", checked)
    late = await town.post("/api/auth/2fa/verify-and-enable", {"code": code}, token=token)
    assert late.error_code == "CODE_EXPIRED"
    assert (await town.get("/api/auth/me", token=token)).body["twoFactorEnabled"] is False
