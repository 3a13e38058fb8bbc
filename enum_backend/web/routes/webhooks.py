"""`/sms/webhook/...`: where providers call us.

401 only for forgeries, 5xx for our own trouble (several providers never repeat
a call that was answered with 4xx), 2xx for events we do not know.
"""

from __future__ import annotations

from aiohttp import hdrs, web

from enum_backend.errors import (
    DatabaseUnavailable,
    Unauthorized,
    ValidationFailed,
)
from enum_backend.gateways.webhooks.base import (
    Forged,
    Malformed,
    NotReady,
    WebhookAnswer,
    WebhookRequest,
)
from enum_backend.web.acting import acted
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.middleware import client_address, problem

EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


async def webhook(call: Call) -> web.Response:
    """`POST|GET /sms/webhook/{provider}[/{gateway}]`"""
    match = call.request.match_info
    return await _take(call, match["provider"], match.get("gateway"))


async def sms_received(call: Call) -> web.Response:
    """`POST|GET /webhook/sms-received`: Twilio's form; a bare GET gets the same empty answer."""
    request = call.request
    if request.method == hdrs.METH_GET and not request.query_string:
        return web.Response(text=EMPTY_TWIML, content_type="text/xml")
    return await _take(call, "twilio", None)


async def _take(call: Call, provider: str, gateway: str | None) -> web.Response:
    await _limit(call, provider, gateway)
    try:
        answer = await call.services.webhooks.take(provider, gateway, await _request(call))
    except Forged as error:
        await _alarm(call, provider, gateway)
        response = problem(Unauthorized(str(error)))
        response.headers.popall(hdrs.WWW_AUTHENTICATE)
        if challenge := call.services.webhooks.challenge(provider):
            response.headers[hdrs.WWW_AUTHENTICATE] = challenge
        return response
    except Malformed as error:
        raise ValidationFailed(f"Not what {provider} documents: {error}") from None
    except NotReady as error:
        raise DatabaseUnavailable(f"The call cannot be judged now: {error}") from None
    return _response(answer)


async def _request(call: Call) -> WebhookRequest:
    """The call as the provider signed it: our public address plus the raw path and query."""
    request = call.request
    return WebhookRequest(
        method=request.method,
        url=call.services.public_url + request.raw_path,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.read(),
    )


async def _alarm(call: Call, provider: str, gateway: str | None) -> None:
    """One entry a minute for each gateway: who forges calls does not fill the log."""
    event = acted(
        call,
        "WEBHOOK_FORGED",
        f"A call to the webhook of {provider} was not proven to come from there.",
        provider=provider,
        gateway=gateway,
    )
    await call.services.audit.alarm(f"forged {provider} {gateway}", event)


async def _limit(call: Call, provider: str, gateway: str | None) -> None:
    http = call.services.settings.http
    client = client_address(call.request, http.trusted_proxies)
    await call.services.client_limits.hit(
        f"{provider}/{gateway}/{client}", http.webhooks_per_minute, name="webhooks_per_minute"
    )


def _response(answer: WebhookAnswer) -> web.Response:
    return web.Response(
        status=answer.status, text=answer.body, content_type=answer.content_type, charset="utf-8"
    )


ENDPOINTS = tuple(
    Endpoint(
        method,
        path,
        handler,
        summary,
        own_query=True,
        errors=(
            "UNAUTHORIZED",
            "NOT_FOUND",
            "VALIDATION_FAILED",
            "RATE_LIMIT_EXCEEDED",
            "DATABASE_UNAVAILABLE",
            "REDIS_UNAVAILABLE",
        ),
    )
    for path, handler, summary in (
        ("/sms/webhook/{provider}", webhook, "A provider's webhook; its gateway is found by proof"),
        ("/sms/webhook/{provider}/{gateway}", webhook, "A provider's webhook of one gateway"),
        (
            "/sms/webhook/{provider}/{gateway}/{token}",
            webhook,
            "The same for providers that sign nothing: an unguessable address",
        ),
        ("/webhook/sms-received", sms_received, "Twilio's inbound webhook under its usual path"),
    )
    for method in ("POST", "GET")
)
