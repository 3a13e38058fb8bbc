"""One HTTP path declared once: its handler, who may call it, and how it is documented."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict, ValidationError

from enum_backend.access import ApiKey
from enum_backend.audit.model import Severity
from enum_backend.errors import Forbidden, Unauthorized
from enum_backend.web.addresses import check_path, check_query, read_query
from enum_backend.web.json_bodies import read_json, validation_failed
from enum_backend.web.services import SERVICES, Services

KEY: Final = "enum_backend.key"
"""Where a request carries its `ApiKey`, for what runs around the handler."""

M = TypeVar("M", bound=BaseModel)


class Body(BaseModel):
    """Base of request bodies: unknown fields and wrong JSON types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a handler sees it; `key` is None only where none is needed."""

    request: web.Request
    services: Services
    key: ApiKey | None

    @property
    def caller(self) -> ApiKey:
        """The key of an endpoint that has a scope."""
        if self.key is None:
            raise Unauthorized
        return self.key

    async def body(self, model: type[M]) -> M:
        """The JSON body.

        Raises:
            ValidationFailed: see `read_json`.
        """
        return read_json(await self.request.read(), model)

    def query(self, model: type[M]) -> M:
        """The query parameters; one given twice is an error.

        Raises:
            ValidationFailed: a parameter is unknown, missing or wrong; or see `read_query`.
        """
        query = read_query(self.request)
        try:
            return model.model_validate(query, strict=False)
        except ValidationError as error:
            raise validation_failed(error) from None


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path.

    Attributes:
        scope: scope the API key needs, None = no key (one that is sent is checked).
        own_tokens: who calls is the handler's to check: an API key with the scope, or a
            token of another kind.
        query, body, answer: pydantic models, for validation and the API document.
        errors: error codes it answers besides those of every path.
        hidden: not in the API document.
        own_query: the handler judges the query as it came: a provider signed it, or it is
            a form.
        session: the handler asks for a session (`web.sessions`), or an admin's with a scope.
        status: of the answer, when all went well.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    scope: str | None = None
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    errors: Sequence[str] = ()
    hidden: bool = False
    own_tokens: bool = False
    own_query: bool = False
    session: bool = False
    status: int = 200


def register(app: web.Application, endpoints: Sequence[Endpoint]) -> None:
    """Add the endpoints to the application's router."""
    for endpoint in endpoints:
        app.router.add_route(endpoint.method, endpoint.path, _guarded(endpoint))


def _guarded(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        check_path(request)
        if not endpoint.own_query:
            check_query(request)
        if endpoint.own_tokens or endpoint.session:
            return await endpoint.handler(Call(request, services, None))
        key = await authenticate(request, services, needed=endpoint.scope is not None)
        if key is not None:
            request[KEY] = key
        if endpoint.scope is not None:
            if key is None:
                raise Unauthorized
            if not key.may(endpoint.scope):
                raise Forbidden(f"This API key lacks the scope {endpoint.scope}.")
        return await endpoint.handler(Call(request, services, key))

    return handle


async def _known(request: web.Request, services: Services, token: str) -> ApiKey:
    try:
        return await services.keys.authenticate(token)
    except Unauthorized:
        if (key := await services.keys.revoked(token)) is not None:
            # Its holder does not know, or it was stolen.
            from enum_backend.web.acting import acted

            event = acted(
                Call(request, services, None),
                "REVOKED_KEY_USED",
                f"API key {key.id} was used after it was revoked.",
                Severity.HIGH,
                keyId=key.id,
                tenant=key.tenant,
            )
            await services.audit.alarm(f"revoked {key.id}", event)
        raise


async def authenticate(request: web.Request, services: Services, *, needed: bool) -> ApiKey | None:
    """The key of the request; where none is needed, other schemes are somebody else's."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    bearer = scheme.lower() == "bearer"
    if bearer and token.strip():
        return await _known(request, services, token.strip())
    if bearer or (needed and scheme):
        raise Unauthorized("Expected Authorization: Bearer KEY.")
    return None
