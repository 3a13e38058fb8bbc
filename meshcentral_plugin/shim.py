"""`GET /meshcentral/sms/{token}`: the address MeshCentral's `url` provider calls;
`POST /meshcentral/sms`: the same for its plugin, which can send headers.

The `url` provider sends one GET without headers, takes only status 200 for success,
never repeats and never times out. So the answer comes as soon as the message
is committed, before any provider is asked; after that it is ours to deliver.
It has no idempotency key either: the same phone and text within
`REPEAT_SECONDS` is one message.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.access import ApiKey
from enum_backend.errors import NotFound
from enum_backend.messaging.model import SendRequest
from enum_backend.messaging.service import key_client
from enum_backend.shim_tokens import ShimToken
from enum_backend.web.endpoints import Body, Call, Endpoint
from enum_backend.web.shims.base import REPEAT_SECONDS, ShimSms, as_json
from enum_backend.web.shims.sending import request_of
from meshcentral_plugin.shim_callers import PROGRAM, caller_of
from meshcentral_plugin.shim_kinds import recognise

__all__ = ["ENDPOINTS", "MAX_CHARACTERS", "PROGRAM", "request_by", "shim_url"]

SCOPE = "sms:send"
MAX_CHARACTERS = 1600


class ShimQuery(BaseModel):
    """What MeshCentral puts into the URL; what else stands there is not ours to refuse."""

    model_config = ConfigDict(extra="ignore")

    phone: str = Field(min_length=1, max_length=64, description="as the user typed it")
    message: str = Field(min_length=1, max_length=MAX_CHARACTERS)


class ShimBody(Body):
    """The same as JSON."""

    phone: str = Field(min_length=1, max_length=64, description="as the user typed it")
    message: str = Field(min_length=1, max_length=MAX_CHARACTERS)


class ShimAnswer(BaseModel):
    """MeshCentral reads the status only."""

    success: bool
    message_id: str
    status: str


def shim_url(base_url: str, token: str) -> str:
    """The value of MeshCentral's `sms.url`, placeholders included."""
    return f"{base_url}/meshcentral/sms/{quote(token)}?phone={{{{phone}}}}&message={{{{message}}}}"


async def send(call: Call) -> web.Response:
    """Commit the message, then answer 200."""
    token = await call.services.shim_tokens.find(PROGRAM, call.request.match_info["token"])
    if token is None:
        raise NotFound("There is no such address.")
    query = call.query(ShimQuery)
    return await _accept(call, _request(call, token, query.phone, query.message))


async def post(call: Call) -> web.Response:
    """`POST /meshcentral/sms`: of a server by its token, or of a program by its API key."""
    caller = await caller_of(call, SCOPE)
    body = await call.body(ShimBody)
    return await _accept(call, request_by(call, caller, body.phone, body.message))


def request_by(call: Call, caller: ShimToken | ApiKey, phone: str, message: str) -> SendRequest:
    """What a caller's text is as a message.

    Raises:
        InvalidPhoneFormat: no SMS can be sent to the number.
    """
    if isinstance(caller, ShimToken):
        return _request(call, caller, phone, message)
    request = _request(call, _unnamed(caller), phone, message)
    return replace(request, client=key_client(caller, call.services.settings.limits))


def _request(call: Call, token: ShimToken, phone: str, message: str) -> SendRequest:
    """Codes go to the number itself through the gateway its record names; see `recognise`."""
    found = recognise(message)
    sms = ShimSms(to=phone, text=message, code=found.code, kind=found.kind, about=found.about)
    return request_of(
        token, sms, call.services.settings, repeat_seconds=REPEAT_SECONDS, field="phone"
    )


def _unnamed(key: ApiKey) -> ShimToken:
    """A server without settings of its own, for a caller with an API key."""
    return ShimToken(key.id, PROGRAM, key.name, key.tenant)


async def _accept(call: Call, request: SendRequest) -> web.Response:
    return as_json(await call.services.messages.send(request))


_ERRORS = (
    "INVALID_PHONE_FORMAT",
    "OPTED_OUT",
    "RATE_LIMIT_EXCEEDED",
    "COST_LIMIT_EXCEEDED",
    "SMS_DISABLED",
    "CREDENTIALS_MISSING",
    "GATEWAY_NOT_CONFIGURED",
    "NVS_UNAVAILABLE",
    "DATABASE_UNAVAILABLE",
)

ENDPOINTS = (
    Endpoint(
        "GET",
        "/meshcentral/sms/{token}",
        send,
        "MeshCentral's SMS: 200 once the message is stored",
        query=ShimQuery,
        answer=ShimAnswer,
        errors=(*_ERRORS, "NOT_FOUND"),
    ),
    Endpoint(
        "POST",
        "/meshcentral/sms",
        post,
        "The same with the token as a bearer token, or an API key with the scope sms:send",
        body=ShimBody,
        answer=ShimAnswer,
        scope=SCOPE,
        errors=_ERRORS,
        own_tokens=True,
    ),
)
