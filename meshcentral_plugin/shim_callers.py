"""Who calls `/meshcentral/...` with a bearer token: a MeshCentral server, or an API key."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs

from enum_backend.access import KEY_PREFIX, ApiKey
from enum_backend.errors import Forbidden, Unauthorized
from enum_backend.shim_tokens import ShimToken
from enum_backend.web.endpoints import KEY, Call, authenticate

PROGRAM: Final = "meshcentral"


async def caller_of(call: Call, scope: str) -> ShimToken | ApiKey:
    """The caller; a server's token may do all that stands below `/meshcentral`.

    Args:
        scope: what an API key needs.

    Raises:
        Unauthorized: neither a token nor a key that is live.
        Forbidden: the key lacks the scope.
    """
    scheme, _, token = call.request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() == "bearer" and not token.strip().startswith(KEY_PREFIX):
        found = await call.services.shim_tokens.find(PROGRAM, token.strip())
        if found is not None:
            return found
        raise Unauthorized("This token is not valid.")
    key = await authenticate(call.request, call.services, needed=True)
    if key is None:
        raise Unauthorized("Expected Authorization: Bearer TOKEN, of a shim or an API key.")
    call.request[KEY] = key
    if not key.may(scope):
        raise Forbidden(f"This API key lacks the scope {scope}.")
    return key
