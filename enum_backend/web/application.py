"""The HTTP application: middleware, our paths, and those of the extensions."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from enum_backend.web.console import pages
from enum_backend.web.endpoints import Endpoint, register
from enum_backend.web.middleware import access_middleware, errors_middleware
from enum_backend.web.openapi import openapi_document
from enum_backend.web.routes import (
    admin_sms,
    agents,
    audit,
    auth,
    auth_2fa,
    auth_sms,
    bindings,
    deliveries,
    delivery_endpoints,
    documents,
    enum,
    explain,
    health,
    inbound,
    keys,
    messages,
    numbers,
    policy,
    shim_tokens,
    shims,
    sms,
    tenants,
    verify,
    webhooks,
)
from enum_backend.web.services import SERVICES, Services
from enum_backend.web.sessions import renew_cookies

KEEP_ALIVE_SECONDS = 75.0
"""Longer than any client keeps an idle connection (Node's agent: 5 s), so that
the client closes first and never writes into a connection we have dropped."""

MAX_LINE_OCTETS = 32768
"""Longest request line. The longest text, all of it four octets a character
and percent-encoded in the shim's URL, takes 19200."""

ENDPOINTS: tuple[Endpoint, ...] = (
    *enum.ENDPOINTS,
    *explain.ENDPOINTS,
    *sms.ENDPOINTS,
    *messages.ENDPOINTS,
    *policy.ENDPOINTS,
    *webhooks.ENDPOINTS,
    *inbound.ENDPOINTS,
    *deliveries.ENDPOINTS,
    *delivery_endpoints.ENDPOINTS,
    *numbers.ENDPOINTS,
    *agents.ENDPOINTS,
    *auth.ENDPOINTS,
    *auth_sms.ENDPOINTS,
    *auth_2fa.ENDPOINTS,
    *admin_sms.ENDPOINTS,
    *tenants.ENDPOINTS,
    *bindings.ENDPOINTS,
    *keys.ENDPOINTS,
    *verify.ENDPOINTS,
    *shims.ENDPOINTS,
    *shim_tokens.ENDPOINTS,
    *audit.ENDPOINTS,
    *health.ENDPOINTS,
    *documents.ENDPOINTS,
    *pages.ENDPOINTS,
)


def create_application(services: Services, extra: Sequence[Endpoint] = ()) -> web.Application:
    """The application over the given services; `extra` are the extensions' endpoints."""
    app = web.Application(
        middlewares=[access_middleware, errors_middleware],
        # aiohttp refuses what reaches the size, we what exceeds it.
        client_max_size=services.settings.http.max_body + 1,
    )
    app[SERVICES] = services
    app.on_shutdown.append(inbound.end_streams)
    app.on_response_prepare.append(renew_cookies)
    app.on_shutdown.append(agents.end_waits)
    pages.prepare(app, services)
    endpoints = (*ENDPOINTS, *extra)
    app[documents.OPENAPI] = openapi_document(endpoints, services.settings.public_base_url)
    register(app, endpoints)
    return app
