"""Supabase Auth's "Send SMS" hook.

https://supabase.com/docs/guides/auth/auth-hooks/send-sms-hook and
github.com/supabase/auth internal/hooks/v0hooks: a POST signed by Standard Webhooks,
at most 5 s; each repeat has another `webhook-id`, so a repeat is known by its code.

Since 2.180.0 (https://github.com/supabase/auth/pull/2160) `sms.phone` is the number that
the code is for. Before, only `user.phone` is told: of a changed number or a second
factor it is another one.
"""

from __future__ import annotations

from typing import Final

import structlog
from aiohttp import web
from pydantic import Field

from enum_backend.errors import EnumBackendError, Unauthorized, wrong_field
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

log = structlog.get_logger("enum_backend.shims")

_UPDATE: Final = "update Supabase Auth to 2.180.0 or newer, which names the number"


class _User(Loose):
    phone: str = Field("", max_length=64)
    new_phone: str | None = Field(None, max_length=64)


class _Sms(Loose):
    otp: str = Field(min_length=1, max_length=64)
    phone: str = Field("", max_length=64)
    sms_type: str | None = Field(None, max_length=64)


class _Body(Loose):
    user: _User
    sms: _Sms


def read(call: ShimCall) -> ShimSms:
    """The code and the number it is for."""
    if not is_signed(call.headers, call.body, _secrets(call.secret), call.received_at):
        raise not_proven()
    body = read_json(call.body, _Body)
    return ShimSms(
        to=body.sms.phone or _number_of(body),
        code=body.sms.otp,
        about="a code of Supabase Auth",
        international=True,
    )


def _number_of(body: _Body) -> str:
    """The user's number, where it can be no other.

    Raises:
        ValidationFailed: nobody says which number the code is for. One that reaches the
            wrong phone gives an account away.
    """
    user, doubt = body.user, ""
    if body.sms.sms_type == "mfa":
        doubt = "a second factor has a number of its own"
    elif user.new_phone and user.new_phone.lstrip("+") != user.phone.lstrip("+"):
        doubt = "the user is changing the number"
    if doubt:
        log.warning("number of a code is not certain", program="supabase", why=doubt)
        raise wrong_field("sms.phone", f"is missing, and {doubt}: {_UPDATE}")
    return user.phone


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
