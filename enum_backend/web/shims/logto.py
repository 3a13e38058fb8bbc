"""Logto's HTTP SMS connector.

https://docs.logto.io/integrations/http-sms and github.com/logto-io/logto
connector-http-sms: POST `{to, type, payload, ip}` with the `Authorization` header of its
settings; 2xx is success, the body of other answers is shown. Numbers come without `+`.
"""

from __future__ import annotations

import re

from pydantic import Field

from enum_backend.web.json_bodies import read_json
from enum_backend.web.shims.base import Loose, Program, ShimCall, ShimSms, not_proven, same


class _Payload(Loose):
    code: str = Field(min_length=1, max_length=64)


class _Body(Loose):
    to: str = Field(max_length=64)
    type: str = Field("", max_length=64)
    payload: _Payload


def read(call: ShimCall) -> ShimSms:
    """The code, and what Logto's user is doing with it (`SignIn`, `Register`, ...)."""
    if call.secret and not same(call.headers.get("authorization", ""), call.secret):
        raise not_proven()
    body = read_json(call.body, _Body)
    purpose = re.sub(r"[^A-Za-z0-9]", "", body.type)[:40]
    return ShimSms(
        to=body.to,
        code=body.payload.code,
        about=f"a code of Logto ({purpose or 'no type named'})",
        international=True,
    )


LOGTO = Program(
    "logto",
    read,
    settings="Connectors > HTTP SMS: this URL as endpoint; authorization = the token's secret",
)
