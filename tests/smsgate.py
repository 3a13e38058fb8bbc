"""As much of a phone with the SMSGate app as a test needs, on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BasicAuth, web
from aiohttp.test_utils import TestServer

USER, PASSWORD = "sms", "canary-pass"


@dataclass
class FakePhone:
    """What the phone has been told.

    Attributes:
        hooks: by id.
        messages: as they came, oldest first.
        away: answers 503 as long as it is set.
    """

    url: str = ""
    hooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    away: bool = False

    def settings(self, **more: Any) -> dict[str, Any]:
        """A gateway's table."""
        return {
            "provider": "android",
            "url": self.url,
            "username": USER,
            "password": PASSWORD,
            "signing_key": "canary-signing",
            "from": "+15550100001",
            "timeout": 5,
            **more,
        }

    async def handle(self, request: web.Request) -> web.Response:
        """Any request."""
        if self.away:
            return web.json_response({"message": "away"}, status=503)
        if request.headers.get("Authorization") != BasicAuth(USER, PASSWORD).encode():
            return web.json_response({"message": "no"}, status=401)
        body = await request.json() if request.can_read_body else {}
        match request.method, request.path:
            case "GET", "/webhooks":
                return web.json_response(list(self.hooks.values()))
            case "POST", "/webhooks":
                self.hooks[body["id"]] = body
                return web.json_response(body, status=201)
            case "POST", "/messages":
                self.messages.append(body)
                return web.json_response({"id": body["id"], "state": "Pending"}, status=202)
        raise AssertionError(f"{request.method} {request.path}")


@asynccontextmanager
async def fake_phone() -> AsyncIterator[FakePhone]:
    """A running one."""
    phone = FakePhone()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", phone.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        phone.url = f"http://127.0.0.1:{server.port}"
        yield phone
