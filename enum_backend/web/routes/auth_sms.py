"""`/api/auth/sms`: password reset by SMS, and the phone of an account."""

from __future__ import annotations

from aiohttp import web

from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.routes.auth import answer, limit, signed_in
from enum_backend.web.routes.auth_models import (
    CodeBody,
    MessageAnswer,
    NumberBody,
    PasswordBody,
    ResetBody,
)
from enum_backend.web.sessions import origin_of, set_device

SENDING = (
    "INVALID_PHONE_FORMAT",
    "RATE_LIMIT_EXCEEDED",
    "BLOCKED_BY_FRAUD_GUARD",
    "OPTED_OUT",
    "COST_LIMIT_EXCEEDED",
    "SMS_DISABLED",
    "CREDENTIALS_MISSING",
    "GATEWAY_NOT_CONFIGURED",
    "NVS_UNAVAILABLE",
    "REDIS_UNAVAILABLE",
)
"""What can be in the way of sending a code."""

CODES = ("CODE_INVALID", "CODE_EXPIRED", "TOO_MANY_ATTEMPTS", "RATE_LIMIT_EXCEEDED")


async def request_reset(call: Call) -> web.Response:
    """`POST /api/auth/sms/request-password-reset`"""
    await limit(call)
    body = await call.body(NumberBody)
    await call.services.accounts.recovery.request(body.phone_number, origin_of(call))
    message = "If an account has this number, a code is on its way."
    return answer({"success": True, "message": message}, status=202)


async def reset(call: Call) -> web.Response:
    """`POST /api/auth/sms/verify-and-reset`"""
    await limit(call)
    body = await call.body(ResetBody)
    accounts = call.services.accounts
    user = await accounts.recovery.reset(
        body.phone_number,
        body.code,
        body.new_password,
        origin_of(call),
        reset_token=body.reset_token,
        use_backup_code=body.use_backup_code,
    )
    message = "The password is changed. All sessions have ended: log in again."
    response = answer({"success": True, "message": message})
    set_device(call, response, accounts.device_for(user))
    return response


async def send_phone_verification(call: Call) -> web.Response:
    """`POST /api/auth/sms/send-phone-verification`"""
    session = await signed_in(call)
    body = await call.body(NumberBody)
    await call.services.accounts.phones.send_code(session, body.phone_number, ip=origin_of(call).ip)
    return answer({"success": True, "message": "A code is on its way to this number."})


async def verify_phone(call: Call) -> web.Response:
    """`POST /api/auth/sms/verify-phone`"""
    session = await signed_in(call)
    body = await call.body(CodeBody)
    await call.services.accounts.phones.verify(session, body.code)
    return answer({"success": True, "message": "The number is verified."})


async def remove_phone(call: Call) -> web.Response:
    """`POST /api/auth/sms/remove-phone`"""
    session = await signed_in(call)
    body = await call.body(PasswordBody)
    await call.services.accounts.remove_phone(session, body.password, origin_of(call))
    return answer({"success": True, "message": "The number is removed."})


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/auth/sms/request-password-reset",
        request_reset,
        "Send a code to reset the password; always the same answer",
        own_tokens=True,
        body=NumberBody,
        answer=MessageAnswer,
        status=202,
        errors=("INVALID_PHONE_FORMAT", "RATE_LIMIT_EXCEEDED", "DATABASE_UNAVAILABLE"),
    ),
    Endpoint(
        "POST",
        "/api/auth/sms/verify-and-reset",
        reset,
        "Reset the password; all sessions end",
        own_tokens=True,
        body=ResetBody,
        answer=MessageAnswer,
        errors=(*CODES, "INVALID_PHONE_FORMAT", "FORBIDDEN", "NOT_FOUND", "DATABASE_UNAVAILABLE"),
    ),
    Endpoint(
        "POST",
        "/api/auth/sms/send-phone-verification",
        send_phone_verification,
        "Send a code to one's own phone",
        session=True,
        body=NumberBody,
        answer=MessageAnswer,
        errors=SENDING,
    ),
    Endpoint(
        "POST",
        "/api/auth/sms/verify-phone",
        verify_phone,
        "Verify one's own phone",
        session=True,
        body=CodeBody,
        answer=MessageAnswer,
        errors=CODES,
    ),
    Endpoint(
        "POST",
        "/api/auth/sms/remove-phone",
        remove_phone,
        "Remove one's own phone",
        session=True,
        body=PasswordBody,
        answer=MessageAnswer,
        errors=("RATE_LIMIT_EXCEEDED", "NOT_FOUND"),
    ),
)
