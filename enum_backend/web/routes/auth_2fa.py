"""`/api/auth/2fa` and `/api/auth/totp`: second factors, and the second step of a login."""

from __future__ import annotations

from aiohttp import web

from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.routes.auth import answer, limit, signed_in
from enum_backend.web.routes.auth_models import (
    BackupCodesAnswer,
    CodeBody,
    EnableAnswer,
    EnrolAnswer,
    PasswordBody,
    SendCodeBody,
    SentAnswer,
    SuccessAnswer,
    VerifiedAnswer,
    VerifyBody,
)
from enum_backend.web.routes.auth_sms import CODES, SENDING
from enum_backend.web.sessions import origin_of, set_device


async def enable(call: Call) -> web.Response:
    """`POST /api/auth/2fa/enable`"""
    session = await signed_in(call)
    await call.services.accounts.two_factor.enable(session, ip=origin_of(call).ip)
    return answer({"success": True, "backupCodes": [], "requiresVerification": True})


async def verify_and_enable(call: Call) -> web.Response:
    """`POST /api/auth/2fa/verify-and-enable`"""
    session = await signed_in(call)
    body = await call.body(CodeBody)
    codes = await call.services.accounts.two_factor.confirm(session, body.code)
    return answer({"success": True, "backupCodes": codes})


async def disable(call: Call) -> web.Response:
    """`POST /api/auth/2fa/disable`"""
    session = await signed_in(call)
    body = await call.body(PasswordBody)
    await call.services.accounts.two_factor.disable(session, body.password, origin_of(call))
    return answer({"success": True})


async def send_code(call: Call) -> web.Response:
    """`POST /api/auth/2fa/send-code`"""
    await limit(call)
    body = await call.body(SendCodeBody)
    await call.services.accounts.send_login_code(body.email, body.login_token, origin_of(call))
    return answer({"success": True, "requires2FA": True})


async def verify(call: Call) -> web.Response:
    """`POST /api/auth/2fa/verify`"""
    await limit(call)
    body = await call.body(VerifyBody)
    done = await call.services.accounts.verify_step_up(
        body.email,
        body.code,
        body.login_token,
        origin_of(call),
        use_backup_code=body.use_backup_code,
    )
    response = answer({"success": True, "userId": done.session.user.id, "token": done.token})
    set_device(call, response, done.issued.device)
    return response


async def enrol_app(call: Call) -> web.Response:
    """`POST /api/auth/totp/enroll`"""
    session = await signed_in(call)
    found = await call.services.accounts.two_factor.enrol_app(session)
    return answer({"success": True, "secret": found.secret, "uri": found.uri, "qr": found.qr})


async def confirm_app(call: Call) -> web.Response:
    """`POST /api/auth/totp/confirm`"""
    session = await signed_in(call)
    body = await call.body(CodeBody)
    codes = await call.services.accounts.two_factor.confirm_app(session, body.code, origin_of(call))
    return answer({"success": True, "backupCodes": codes})


async def drop_app(call: Call) -> web.Response:
    """`POST /api/auth/totp/disable`"""
    session = await signed_in(call)
    body = await call.body(PasswordBody)
    await call.services.accounts.two_factor.drop_app(session, body.password, origin_of(call))
    return answer({"success": True})


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/auth/2fa/enable",
        enable,
        "Send the code that switches two-factor login on",
        session=True,
        answer=EnableAnswer,
        errors=SENDING,
    ),
    Endpoint(
        "POST",
        "/api/auth/2fa/verify-and-enable",
        verify_and_enable,
        "Switch two-factor login on; shows the backup codes once",
        session=True,
        body=CodeBody,
        answer=BackupCodesAnswer,
        errors=CODES,
    ),
    Endpoint(
        "POST",
        "/api/auth/2fa/disable",
        disable,
        "Switch two-factor login off",
        session=True,
        body=PasswordBody,
        answer=SuccessAnswer,
        errors=("RATE_LIMIT_EXCEEDED",),
    ),
    Endpoint(
        "POST",
        "/api/auth/2fa/send-code",
        send_code,
        "Send the code of a login that waits",
        own_tokens=True,
        body=SendCodeBody,
        answer=SentAnswer,
        errors=(*SENDING, "CODE_INVALID", "FORBIDDEN", "DATABASE_UNAVAILABLE"),
    ),
    Endpoint(
        "POST",
        "/api/auth/2fa/verify",
        verify,
        "Complete a login with a code, or a backup code",
        own_tokens=True,
        body=VerifyBody,
        answer=VerifiedAnswer,
        errors=(*CODES, "DATABASE_UNAVAILABLE"),
    ),
    Endpoint(
        "POST",
        "/api/auth/totp/enroll",
        enrol_app,
        "A secret for an authenticator app",
        session=True,
        answer=EnrolAnswer,
        errors=("RATE_LIMIT_EXCEEDED",),
    ),
    Endpoint(
        "POST",
        "/api/auth/totp/confirm",
        confirm_app,
        "Let the authenticator app count",
        session=True,
        body=CodeBody,
        answer=BackupCodesAnswer,
        errors=("CODE_INVALID", "RATE_LIMIT_EXCEEDED"),
    ),
    Endpoint(
        "POST",
        "/api/auth/totp/disable",
        drop_app,
        "Stop using the authenticator app",
        session=True,
        body=PasswordBody,
        answer=SuccessAnswer,
        errors=("RATE_LIMIT_EXCEEDED",),
    ),
)
