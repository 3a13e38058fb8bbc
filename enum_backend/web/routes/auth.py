"""`/api/auth`: accounts and their sessions."""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs, web

from enum_backend.accounts import LoggedIn, Session
from enum_backend.accounts.guard import address_of
from enum_backend.clock import rfc3339
from enum_backend.errors import NotFound, RateLimitExceeded, Unauthorized
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.routes.auth_models import (
    CredentialsBody,
    EndedAnswer,
    LoginAnswer,
    MeAnswer,
    MessageAnswer,
    NewPasswordBody,
    SessionsAnswer,
    SuccessAnswer,
    TokenAnswer,
)
from enum_backend.web.sessions import clear_cookie, find_session, origin_of, session_of, set_device

LIMIT = "accounts.per_ip_minute"


def answer(document: dict[str, Any], status: int = 200) -> web.Response:
    """What nobody may keep: it holds tokens."""
    return web.json_response(document, status=status, headers={hdrs.CACHE_CONTROL: "no-store"})


async def limit(call: Call) -> None:
    """Count a request of this address.

    Raises:
        RateLimitExceeded: there were too many in this minute.
    """
    per_minute = call.services.settings.accounts.per_ip_minute
    try:
        key = f"auth:{address_of(origin_of(call).ip)}"
        await call.services.client_limits.hit(key, per_minute, name=LIMIT)
    except RateLimitExceeded as error:
        raise RateLimitExceeded(
            "Too many requests from this address.", retry_after=error.retry_after
        ) from None


async def signed_in(call: Call) -> Session:
    """The session, counted against its address."""
    await limit(call)
    return await session_of(call)


async def register(call: Call) -> web.Response:
    """`POST /api/auth/register`"""
    await limit(call)
    body = await call.body(CredentialsBody)
    issued = await call.services.accounts.register(body.email, body.password, origin_of(call))
    return answer({"success": True, "token": issued.token})


async def login(call: Call) -> web.Response:
    """`POST /api/auth/login`"""
    await limit(call)
    body = await call.body(CredentialsBody)
    done = await call.services.accounts.login(body.email, body.password, origin_of(call))
    if isinstance(done, LoggedIn):
        response = answer({"success": True, "token": done.token})
        set_device(call, response, done.issued.device)
        return response
    return answer({"success": True, "requires2FA": True, "loginToken": done.login_token})


async def logout(call: Call) -> web.Response:
    """`POST /api/auth/logout`: also good when there is no session any more."""
    await limit(call)
    response = answer({"success": True})
    if await find_session(call) is not None:
        await call.services.accounts.logout(await session_of(call))
        clear_cookie(call, response)
    return response


async def refresh(call: Call) -> web.Response:
    """`POST /api/auth/refresh`: the former token works a minute longer."""
    session = await signed_in(call)
    if session.via == "cookie":
        raise Unauthorized("The cookie of a page is renewed by itself.")
    token = call.request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")[2].strip()
    found = await call.services.accounts.sessions.look(token, "bearer")
    renewed = None
    if found is not None:
        renewed = await call.services.accounts.sessions.renew(found, now_at_once=True)
    if renewed is None:
        raise Unauthorized("This session has got a new token already.")
    return answer({"success": True, "token": renewed})


async def me(call: Call) -> web.Response:
    """`GET /api/auth/me`"""
    session = await signed_in(call)
    user = session.user
    return answer(
        {
            "success": True,
            "id": user.id,
            "email": user.email,
            "isAdmin": user.is_admin,
            "phoneNumber": user.phone,
            "phoneVerified": user.phone_verified,
            "twoFactorEnabled": user.two_factor,
            "methods": [name for name, on in (("totp", user.totp), ("sms", user.sms)) if on],
            "backupCodesLeft": user.backup_codes,
            "csrfToken": session.csrf if session.via == "cookie" else None,
            "sessionExpiresAt": rfc3339(session.expires_at),
        }
    )


async def list_sessions(call: Call) -> web.Response:
    """`GET /api/auth/sessions`"""
    session = await signed_in(call)
    found = await call.services.accounts.sessions_of(session.user.id)
    return answer({"success": True, "sessions": [_session_json(item, session) for item in found]})


async def end_session(call: Call) -> web.Response:
    """`DELETE /api/auth/sessions/{session_id}`"""
    session = await signed_in(call)
    ended = call.request.match_info["session_id"]
    if not ended.isprintable():
        raise NotFound("There is no such session.")
    await call.services.accounts.end_sessions(session, ended)
    return answer({"success": True, "ended": 1})


async def end_others(call: Call) -> web.Response:
    """`DELETE /api/auth/sessions`"""
    session = await signed_in(call)
    ended = await call.services.accounts.end_sessions(session)
    return answer({"success": True, "ended": ended})


async def change_password(call: Call) -> web.Response:
    """`POST /api/auth/password`"""
    session = await signed_in(call)
    body = await call.body(NewPasswordBody)
    await call.services.accounts.change_password(
        session, body.current_password, body.new_password, origin_of(call)
    )
    message = "The password is changed. All other sessions have ended."
    return answer({"success": True, "message": message})


def _session_json(item: Session, current: Session) -> dict[str, Any]:
    return {
        "id": item.id,
        "current": item.id == current.id,
        "via": item.via,
        "address": item.address,
        "agent": item.agent,
        "createdAt": rfc3339(item.created_at),
        "seenAt": rfc3339(item.seen_at),
        "expiresAt": rfc3339(item.expires_at),
    }


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/auth/register",
        register,
        "Make an account; the same answer when there is one",
        own_tokens=True,
        body=CredentialsBody,
        answer=TokenAnswer,
        errors=("FORBIDDEN", "RATE_LIMIT_EXCEEDED", "DATABASE_UNAVAILABLE"),
    ),
    Endpoint(
        "POST",
        "/api/auth/login",
        login,
        "Log in; a second factor may be needed",
        own_tokens=True,
        body=CredentialsBody,
        answer=LoginAnswer,
        errors=("UNAUTHORIZED", "RATE_LIMIT_EXCEEDED", "DATABASE_UNAVAILABLE"),
    ),
    Endpoint(
        "POST",
        "/api/auth/logout",
        logout,
        "End the session",
        own_tokens=True,
        answer=SuccessAnswer,
        errors=("FORBIDDEN", "UNAUTHORIZED", "RATE_LIMIT_EXCEEDED", "DATABASE_UNAVAILABLE"),
    ),
    Endpoint(
        "POST",
        "/api/auth/refresh",
        refresh,
        "A new token for the session",
        session=True,
        answer=TokenAnswer,
        errors=("RATE_LIMIT_EXCEEDED",),
    ),
    Endpoint(
        "GET",
        "/api/auth/me",
        me,
        "One's own account",
        session=True,
        answer=MeAnswer,
        errors=("RATE_LIMIT_EXCEEDED",),
    ),
    Endpoint(
        "GET",
        "/api/auth/sessions",
        list_sessions,
        "One's own sessions",
        session=True,
        answer=SessionsAnswer,
        errors=("RATE_LIMIT_EXCEEDED",),
    ),
    Endpoint(
        "DELETE",
        "/api/auth/sessions/{session_id}",
        end_session,
        "End one of one's own sessions",
        session=True,
        answer=EndedAnswer,
        errors=("NOT_FOUND", "RATE_LIMIT_EXCEEDED"),
    ),
    Endpoint(
        "DELETE",
        "/api/auth/sessions",
        end_others,
        "End all one's other sessions",
        session=True,
        answer=EndedAnswer,
        errors=("RATE_LIMIT_EXCEEDED",),
    ),
    Endpoint(
        "POST",
        "/api/auth/password",
        change_password,
        "Change one's password; all other sessions end",
        session=True,
        body=NewPasswordBody,
        answer=MessageAnswer,
        errors=("RATE_LIMIT_EXCEEDED", "NOT_FOUND"),
    ),
)
