"""Runs the application; what is no HTTP request is answered with a problem document as well."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web
from aiohttp.web_request import BaseRequest

from enum_backend.errors import EnumBackendError, ValidationFailed
from enum_backend.web.middleware import problem


class ProblemRunner(web.AppRunner):
    """`web.AppRunner`, whose answers to malformed requests are ours."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(
            server.request_handler,
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
            loop=server._loop,
            **server._kwargs,
        )


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class _Protocol(web.RequestHandler):
    """Requests reach the middleware only once they are parsed; this is for those that are not."""

    __slots__ = ()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        super().handle_error(request, status, exc, message)  # logs, and closes
        error = EnumBackendError("Something failed inside the server.")
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            error = ValidationFailed("This is no HTTP request that can be read.")
        error.status = status
        response = problem(error)
        response.force_close()
        return response
