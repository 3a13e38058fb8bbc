"""authentik's SMS authenticator setup stage, provider "generic".

github.com/goauthentik/authentik authentik/stages/authenticator_sms/models.py: POST
`{From, To, Body, Message}`; `Body` is the code alone, `Message` authentik's sentence.
Basic or bearer authentication. What a refusal holds is shown to the person as it is.
"""

from __future__ import annotations

import base64
import binascii

from aiohttp import web
from pydantic import Field

from enum_backend.errors import EnumBackendError
from enum_backend.web.json_bodies import read_json
from enum_backend.web.shims.base import Loose, Program, ShimCall, ShimSms, as_json, not_proven, same


class _Body(Loose):
    to: str = Field(alias="To", max_length=64)
    code: str = Field(alias="Body", min_length=1, max_length=64)
    message: str | None = Field(None, alias="Message", max_length=1600)


def read(call: ShimCall) -> ShimSms:
    """authentik's sentence, or the code alone where a mapping left it out."""
    if call.secret and not _is_proven(call):
        raise not_proven()
    body = read_json(call.body, _Body)
    return ShimSms(
        to=body.to, text=body.message or None, code=body.code, about="a code of authentik"
    )


def refuse(error: EnumBackendError) -> web.Response:
    """One sentence, as authentik shows the body to its user."""
    return web.Response(text=error.public_message, status=error.status)


def _is_proven(call: ShimCall) -> bool:
    """The secret as bearer token, or as the password of basic authentication."""
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    given = given.strip()
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, ValueError):
            return False
    elif scheme.lower() != "bearer":
        return False
    return same(given, call.secret)


AUTHENTIK = Program(
    "authentik",
    read,
    as_json,
    refuse,
    settings="SMS Authenticator Setup Stage: provider Generic, this URL as external API URL; "
    "bearer token or password = the token's secret",
)
