"""ZITADEL's SMS provider of type HTTP.

https://zitadel.com/docs/guides/manage/customize/notification-providers; the signature is
github.com/zitadel/zitadel pkg/actions/signing.go: `ZITADEL-Signature: t=SECONDS,v1=HEX`,
HMAC-SHA256 over `SECONDS.BODY`, at most 300 s old. Any status 2xx is success.
"""

from __future__ import annotations

import hmac
import re

from pydantic import AliasChoices, Field

from enum_backend.web.json_bodies import read_json
from enum_backend.web.shims.base import (
    SIGNED_REPEAT_SECONDS,
    Loose,
    Program,
    ShimCall,
    ShimSms,
    not_proven,
    same,
)

TOLERANCE = 300
MIN_SECRET = 16


class _Context(Loose):
    event: str = Field("", alias="eventType", max_length=200)
    to: str = Field(alias="recipientPhoneNumber", max_length=64)


class _Template(Loose):
    text: str = Field(min_length=1, max_length=1600)


class _Arguments(Loose):
    code: str | None = Field(None, max_length=64, validation_alias=AliasChoices("code", "Code"))


class _Body(Loose):
    context: _Context = Field(alias="contextInfo")
    template: _Template = Field(alias="templateData")
    arguments: _Arguments | None = Field(None, alias="args")


def read(call: ShimCall) -> ShimSms:
    """ZITADEL's own text, as its administrators wrote it."""
    if not _is_signed(call):
        raise not_proven()
    body = read_json(call.body, _Body)
    code = body.arguments.code if body.arguments else None
    event = re.sub(r"[^a-z0-9._]", "", body.context.event)[:80]
    return ShimSms(
        to=body.context.to,
        text=body.template.text,
        code=code or None,
        about=f"a message of ZITADEL ({event or 'no event named'})",
    )


def _is_signed(call: ShimCall) -> bool:
    parts = [part.partition("=") for part in call.headers.get("zitadel-signature", "").split(",")]
    times = [value for name, _, value in parts if name.strip() == "t"]
    given = [value.strip().lower() for name, _, value in parts if name.strip() == "v1"]
    if len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0], re.ASCII):
        return False
    signed = f"{times[0]}.".encode() + call.body
    wanted = hmac.digest(call.secret.encode(), signed, "sha256").hex()
    valid = False
    for signature in given:
        valid |= same(signature, wanted)
    return valid and abs(call.received_at - int(times[0])) <= TOLERANCE


def _check(secret: str) -> None:
    if len(secret) < MIN_SECRET:
        raise ValueError("expected the provider's signing key")


ZITADEL = Program(
    "zitadel",
    read,
    repeat_seconds=SIGNED_REPEAT_SECONDS,
    signs=True,
    check_secret=_check,
    settings="POST /admin/v1/sms/http with this URL as endpoint; its answer holds the signing key",
)
