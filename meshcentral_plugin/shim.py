"""`GET /meshcentral/sms/{token}`: the address MeshCentral's `url` provider calls.

MeshCentral sends one GET without headers, takes only status 200 for success,
never repeats and never times out. So the answer comes as soon as the message
is committed, before any provider is asked; after that it is ours to deliver.
It has no idempotency key either: the same phone and text within
`REPEAT_SECONDS` is one message.
"""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.errors import NotFound
from enum_backend.messaging.model import Client, SendRequest
from enum_backend.phone import normalize
from enum_backend.web.endpoints import Call, Endpoint

PROGRAM = "meshcentral"
REPEAT_SECONDS = 10.0


class ShimQuery(BaseModel):
    """What MeshCentral puts into the URL; what else stands there is not ours to refuse."""

    model_config = ConfigDict(extra="ignore")

    phone: str = Field(min_length=1, max_length=64, description="as the user typed it")
    message: str = Field(min_length=1, max_length=1600)


class ShimAnswer(BaseModel):
    """MeshCentral reads the status only."""

    success: bool
    message_id: str
    status: str


def shim_url(base_url: str, token: str) -> str:
    """The value of MeshCentral's `sms.url`, placeholders included."""
    return f"{base_url}/meshcentral/sms/{quote(token)}?phone={{{{phone}}}}&message={{{{message}}}}"


async def send(call: Call) -> web.Response:
    """Commit the message, then answer 200.

    All of MeshCentral's own texts hold codes, so the message is treated as one:
    it goes to the number itself through the gateway its record names, and its
    text is erased once nothing can send it any more.
    """
    services = call.services
    token = await services.shim_tokens.find(PROGRAM, call.request.match_info["token"])
    if token is None:
        raise NotFound("There is no such address.")
    query = call.query(ShimQuery)
    accepted = await services.messages.send(
        SendRequest(
            to=normalize(query.phone, services.settings.default_region, field="phone"),
            text=query.message,
            client=Client(token.id, token.tenant, services.settings.limits.shim_per_minute),
            is_code=True,
            repeat_window=REPEAT_SECONDS,
        )
    )
    return web.json_response(
        {"success": True, "message_id": accepted.message_id, "status": accepted.status}
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/meshcentral/sms/{token}",
        send,
        "MeshCentral's SMS: 200 once the message is stored",
        query=ShimQuery,
        answer=ShimAnswer,
        errors=(
            "INVALID_PHONE_FORMAT",
            "NOT_FOUND",
            "RATE_LIMIT_EXCEEDED",
            "COST_LIMIT_EXCEEDED",
            "SMS_DISABLED",
            "CREDENTIALS_MISSING",
            "GATEWAY_NOT_CONFIGURED",
            "DATABASE_UNAVAILABLE",
        ),
    ),
)
