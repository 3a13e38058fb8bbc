"""Around every request: errors as problem documents, access log, metrics."""

from __future__ import annotations

import ipaddress
import math
import re
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from enum_backend.access import ApiKey
from enum_backend.errors import (
    BodyTooLarge,
    EnumBackendError,
    MethodNotAllowed,
    NotFound,
    ProviderError,
    ValidationFailed,
)
from enum_backend.gateways.base import GatewayError
from enum_backend.web.endpoints import KEY
from enum_backend.web.services import SERVICES

log = structlog.get_logger("enum_backend.access")

PROBLEM_JSON = "application/problem+json"

_HOP = re.compile(r"\[([0-9a-fA-F:.]+)\](?::\d+)?|([0-9.]+)(?::\d+)?|([0-9a-fA-F:.]+)", re.ASCII)


def problem(error: EnumBackendError, *, operator: bool = False) -> web.Response:
    """An error as RFC 9457 has it, with the fields our callers read.

    Args:
        operator: the caller may read what `operator_only` errors say of the inside.
    """
    status = HTTPStatus(error.status)
    message = error.message if operator else error.public_message
    document: dict[str, Any] = {
        "type": f"urn:enum-backend:error:{error.error_code.lower().replace('_', '-')}",
        "title": status.phrase,
        "status": error.status,
        "detail": message,
        "success": False,
        "error": message,
        "error_code": error.error_code,
        **error.members,
    }
    if error.errors:
        document["errors"] = [
            {"field": item.field, "message": item.message} for item in error.errors
        ]
    response = web.json_response(document, status=error.status, content_type=PROBLEM_JSON)
    say_when(response, error)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    return response


def say_when(response: web.Response, error: EnumBackendError) -> None:
    """`Retry-After` in whole seconds, where the error knows the time."""
    if error.retry_after is not None:
        response.headers[hdrs.RETRY_AFTER] = str(max(1, math.ceil(error.retry_after)))


@web.middleware
async def errors_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure becomes a problem document; unexpected ones say nothing of the inside."""
    try:
        return await handler(request)
    except Exception as error:
        failure = failure_of(request, error)
        if failure is None:
            if isinstance(error, web.HTTPException):
                return web.Response(status=error.status, headers=error.headers)
            raise
        key: ApiKey | None = request.get(KEY)
        response = problem(failure, operator=key is not None and key.may("admin"))
        if isinstance(error, web.HTTPMethodNotAllowed):
            response.headers[hdrs.ALLOW] = ",".join(sorted(error.allowed_methods))
        return response


def failure_of(request: web.Request, error: Exception) -> EnumBackendError | None:
    """What a handler's exception is to its caller; what only we may know is logged.

    Returns:
        None for what is no failure of ours: an answer below 400, a connection that is gone.
    """
    if isinstance(error, EnumBackendError):
        if error.operator_only:
            log.info("unavailable", error_code=error.error_code, detail=error.message)
        return error
    if isinstance(error, GatewayError):
        return ProviderError(provider_code=error.provider_code, reason=error.reason)
    if isinstance(error, web.HTTPException):
        return _http_failure(error)
    if isinstance(error, web.RequestPayloadError):
        return ValidationFailed("The body cannot be read: is its Content-Encoding right?")
    if isinstance(error, ConnectionError):
        return None
    log.error("request failed", route=route_template(request), error=type(error).__name__)
    return EnumBackendError("Something failed inside the server.")


def _http_failure(error: web.HTTPException) -> EnumBackendError | None:
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return BodyTooLarge()
    if isinstance(error, web.HTTPNotFound):
        return NotFound("There is no such path.")
    if isinstance(error, web.HTTPMethodNotAllowed):
        return MethodNotAllowed()
    if error.status < HTTPStatus.BAD_REQUEST:
        return None
    failure = ValidationFailed(error.reason)
    failure.status = error.status
    return failure


@web.middleware
async def access_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log and count with the route's template: paths and queries can hold tokens and codes."""
    started = time.perf_counter()
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    finally:
        seconds = time.perf_counter() - started
        services = request.app[SERVICES]
        route = route_template(request)
        method = _method(request)
        services.metrics.http_request(method, route, status, seconds)
        log.info(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            client=client_address(request, services.settings.http.trusted_proxies),
        )


def route_template(request: web.Request) -> str:
    """`/enum/{number}`; `(no route)` for paths that match nothing."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(no route)"


def _method(request: web.Request) -> str:
    return request.method if request.method in hdrs.METH_ALL else "OTHER"


def client_address(request: web.Request, trusted: Sequence[str]) -> str:
    """The caller's address; `X-Forwarded-For` counts only from trusted proxies.

    The list is read from its right end past every trusted proxy; the first
    other address is the client. A proxy may add a line of its own instead of
    extending the one it got, so all lines count, in their order. What is not an
    address ends the reading.
    """
    peer = request.remote or ""
    lines = request.headers.getall("X-Forwarded-For", [])
    if not lines:
        return peer
    for hop in reversed(",".join(lines).split(",")):
        if not _is_trusted(peer, trusted):
            break
        address = _address(hop.strip())
        if address is None:
            break
        peer = address
    return peer


def _address(hop: str) -> str | None:
    """`192.0.2.1`, `192.0.2.1:50000`, `[2001:db8::1]:50000` -> the address alone."""
    match = _HOP.fullmatch(hop)
    try:
        return str(ipaddress.ip_address(match[1] or match[2] or match[3])) if match else None
    except ValueError:
        return None


def _is_trusted(address: str, trusted: Sequence[str]) -> bool:
    try:
        host = ipaddress.ip_address(address)
        return any(host in ipaddress.ip_network(network, strict=False) for network in trusted)
    except ValueError:
        return False
