"""Supabase Auth's "Send SMS" hook.

https://supabase.com/docs/guides/auth/auth-hooks/send-sms-hook and
github.com/supabase/auth internal/hooks/v0hooks: a POST signed by Standard Webhooks,
at most 5 s; each repeat has another `webhook-id`, so a repeat is known by its code.
"""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from enum_backend.errors import EnumBackendError, Unauthorized
from enum_backend.messaging.model import Accepted
from enum_backend.standard_webhooks import check_secret, is_signed
from enum_backend.web.json_bodies import read_json
from enum_backend.web.shims.base import (
    SIGNED_REPEAT_SECONDS,
    Loose,
    Program,
    ShimCall,
    ShimSms,
    not_proven,
)


class _User(Loose):
    phone: str = Field("", max_length=64)


class _Sms(Loose):
    otp: str = Field(min_length=1, max_length=64)
    phone: str = Field("", max_length=64)


class _Body(Loose):
    user: _User
    sms: _Sms


def read(call: ShimCall) -> ShimSms:
    """The code and the number; `sms.phone`, where it stands, is the number being changed to."""
    if not is_signed(call.headers, call.body, _secrets(call.secret), call.received_at):
        raise not_proven()
    body = read_json(call.body, _Body)
    return ShimSms(
        to=body.sms.phone or body.user.phone,
        code=body.sms.otp,
        about="a code of Supabase Auth",
        international=True,
    )


def answer(_: Accepted) -> web.Response:
    """The hook's empty output."""
    return web.json_response({})


def refuse(error: EnumBackendError) -> web.Response | None:
    """Status 200 with an error object: of other statuses Supabase shows its users nothing."""
    if isinstance(error, Unauthorized):
        return None
    message = {"http_code": error.status, "message": error.public_message}
    return web.json_response({"error": message})


def _secrets(setting: str) -> list[str]:
    """`v1,whsec_...`, several with `|` between them, as Supabase's settings have them."""
    return [part.strip().removeprefix("v1,") for part in setting.split("|") if part.strip()]


def _check(setting: str) -> None:
    for secret in _secrets(setting):
        check_secret(secret)


SUPABASE = Program(
    "supabase",
    read,
    answer,
    refuse,
    repeat_seconds=SIGNED_REPEAT_SECONDS,
    signs=True,
    check_secret=_check,
    settings="Authentication > Hooks > Send SMS: HTTPS, this URL, the hook's secret",
)
