"""Streamable HTTP: each request brings its caller's own API key.

Source: Model Context Protocol 2025-06-18, transports. A session belongs to the key that
opened it; the package refuses another's.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator
from typing import Final

from cachetools import TTLCache
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware, get_access_token
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.authentication import AuthenticationError
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from enum_backend.agents.mcp.api import Api, ApiRefused
from enum_backend.agents.mcp.server import AgentServer

PATH: Final = "/mcp"
MAX_BODY_OCTETS: Final = 256 * 1024
BELIEVED_SECONDS: Final = 10.0
"""How long a key is believed before the API is asked again; it checks each call itself."""
MAX_KEY_CHARACTERS: Final = 200


class KeyVerifier:
    """Asks the API whether a key is one."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: TTLCache[str, AccessToken] = TTLCache(10_000, BELIEVED_SECONDS)

    async def verify_token(self, token: str) -> AccessToken | None:
        """The caller of a token, None = nobody.

        Raises:
            AuthenticationError: the API does not say; nothing is known of the key.
        """
        if len(token) > MAX_KEY_CHARACTERS or not token.isascii():
            return None
        digest = hashlib.sha256(token.encode("ascii")).hexdigest()
        if (known := self._known.get(digest)) is not None:
            return known
        try:
            await self._api(token, "GET", "/agents/usage")
        except ApiRefused as refused:
            if refused.code == "UNAUTHORIZED":
                return None
            if refused.code != "FORBIDDEN":  # a key of other scopes may use other tools
                raise AuthenticationError(refused.code) from None
        found = AccessToken(token=token, client_id=digest, scopes=[])
        self._known[digest] = found
        return found


def _unknown(_request: HTTPConnection, _error: AuthenticationError) -> Response:
    """A key may be right; a 401 would make clients throw it away."""
    text = "The enum-backend server does not answer: try again in a minute."
    return PlainTextResponse(text, status_code=503, headers={"Retry-After": "60"})


def caller_key() -> str:
    """The key of the request that is being answered."""
    token = get_access_token()
    return token.token if token is not None else ""


def http_app(api: Api, host: str, allowed_hosts: list[str]) -> Starlette:
    """The ASGI application.

    Args:
        host: where it listens, which a browser may name it by.
        allowed_hosts: other names it is reached by (`mcp.example.org`, `name:*`).
    """
    server = AgentServer(api, caller_key)
    schemes = ("http", "https")
    names = ["127.0.0.1:*", "localhost:*", "[::1]:*", f"{host}:*", *allowed_hosts]
    manager = StreamableHTTPSessionManager(
        server.protocol,
        max_request_body_size=MAX_BODY_OCTETS,
        security_settings=TransportSecuritySettings(
            enable_dns_rebinding_protection=True,
            allowed_hosts=names,
            allowed_origins=[f"{scheme}://{name}" for name in names for scheme in schemes],
        ),
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with manager.run():
            yield

    return Starlette(
        routes=[Route(PATH, endpoint=RequireAuthMiddleware(manager.handle_request, []))],
        middleware=[
            Middleware(
                AuthenticationMiddleware,
                backend=BearerAuthBackend(KeyVerifier(api)),
                on_error=_unknown,
            ),
            Middleware(AuthContextMiddleware),
        ],
        lifespan=lifespan,
    )
