"""People with accounts, over real HTTP: what a browser or an app would do."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from enum_backend.testing import RunningServer, running_server

CODE = re.compile(r"\b([1-9]\d{5})\b")
PASSWORD = "seven green lanterns"
OTHER_PASSWORD = "eight grey lanterns"
CHEAP = {"hash_memory": 8, "hash_passes": 1}
"""argon2 at its least: tests are about what is done, not how long it takes."""
ROOMY: dict[str, Any] = {
    "accounts": CHEAP | {"per_ip_minute": 0},
    "limits": {"per_recipient_hour": 0, "per_recipient_day": 0, "per_client_minute": 0},
    "verification": {
        "resend_after": 0.001,
        "per_ip_hour": 0,
        "per_ip_day": 0,
        "anonymous_per_recipient_hour": 0,
        "anonymous_per_recipient_day": 0,
    },
    "http": {"trusted_proxies": ["127.0.0.1"]},
}
"""No limits, and every test can come from any address (`X-Forwarded-For`)."""

_ADDRESSES = itertools.count(1)


def anywhere() -> str:
    """An address that nobody has come from, in a network of its own."""
    number = next(_ADDRESSES)
    return f"10.{number >> 8 & 255}.{number & 255}.1"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def error_code(self) -> str | None:
        """`error_code` of a problem document."""
        return self.body.get("error_code")


class People:
    """A server, and calls to it."""

    def __init__(self, server: RunningServer, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.accounts = server.services.accounts
        self._http = http

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        ip: str = "",
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request.

        Args:
            token: a bearer token.
            ip: where it comes from; empty = somewhere new.
        """
        sent = {"X-Forwarded-For": ip or anywhere(), **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        async with self._http.request(method, path, json=body, headers=sent) as response:
            found = {name: item.value for name, item in response.cookies.items()}
            document = await response.json(content_type=None)
            return Reply(response.status, document, dict(response.headers), found)

    async def post(self, path: str, body: Any = None, **more: Any) -> Reply:
        """`POST`"""
        return await self.call("POST", path, body, **more)

    async def get(self, path: str, **more: Any) -> Reply:
        """`GET`"""
        return await self.call("GET", path, **more)

    async def good(self, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """`POST` that is answered 200."""
        reply = await self.post(path, body, **more)
        assert reply.status == 200, (path, reply.body)
        return reply.body

    async def code_of(self, work: Awaitable[Any]) -> str:
        """The code in the SMS that some work sends."""
        before = len(self.server.messages)
        await work
        return await self.next_code(before)

    async def next_code(self, before: int) -> str:
        """The first code in the messages behind the first `before`."""
        count = before
        while True:
            messages = await self.server.wait_for_messages(count + 1, seconds=30)
            for message in messages[count:]:
                if (match := CODE.search(message.text)) is not None:
                    return match[1]
            count = len(messages)

    async def register(self, email: str, password: str = PASSWORD) -> str:
        """A new account; its token."""
        body = {"email": email, "password": password}
        token: str = (await self.good("/api/auth/register", body))["token"]
        return token

    async def login(self, email: str, password: str = PASSWORD, **more: Any) -> Reply:
        """`POST /api/auth/login`"""
        return await self.post("/api/auth/login", {"email": email, "password": password}, **more)

    async def with_phone(self, email: str, number: str) -> str:
        """A new account with a verified phone; its token."""
        token = await self.register(email)
        await self.verify_phone(token, number)
        return token

    async def verify_phone(self, token: str, number: str) -> None:
        """Both steps."""
        path = "/api/auth/sms/send-phone-verification"
        code = await self.code_of(self.good(path, {"phoneNumber": number}, token=token))
        await self.good("/api/auth/sms/verify-phone", {"code": code}, token=token)

    async def with_two_factor(self, email: str, number: str) -> tuple[str, list[str]]:
        """A new account with codes by SMS; its token and backup codes."""
        token = await self.with_phone(email, number)
        code = await self.code_of(self.good("/api/auth/2fa/enable", token=token))
        path = "/api/auth/2fa/verify-and-enable"
        return token, (await self.good(path, {"code": code}, token=token))["backupCodes"]

    async def login_token(self, email: str) -> str:
        """Of a login that waits for its second factor."""
        reply = await self.login(email)
        assert reply.body["requires2FA"], reply.body
        token: str = reply.body["loginToken"]
        return token

    async def login_code(self, email: str, login_token: str) -> str:
        """The code of that login."""
        body = {"email": email, "loginToken": login_token}
        return await self.code_of(self.good("/api/auth/2fa/send-code", body))

    async def verify(self, email: str, login_token: str, code: str, **more: Any) -> Reply:
        """`POST /api/auth/2fa/verify`; `backup` = it is a backup code."""
        backup = {"useBackupCode": True} if more.pop("backup", False) else {}
        body = {"email": email, "code": code, "loginToken": login_token} | backup
        return await self.post("/api/auth/2fa/verify", body, **more)

    async def lives(self, token: str) -> bool:
        """Whether it is the token of a session."""
        return (await self.get("/api/auth/me", token=token)).status == 200

    async def events(self) -> list[str]:
        """Types in the audit log, oldest first."""
        page = await self.server.services.audit.page(limit=1000)
        return [entry.event_type for entry in page.entries]


@asynccontextmanager
async def people(*settings: Mapping[str, Any]) -> AsyncIterator[People]:
    """A server with people; later settings add to earlier ones, section by section."""
    merged: dict[str, Any] = {}
    for part in (ROOMY, *settings):
        for name, value in part.items():
            known = merged.get(name)
            both = isinstance(value, Mapping) and isinstance(known, Mapping)
            merged[name] = {**known, **value} if both else value
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        running_server(settings=merged) as server,
        aiohttp.ClientSession(
            server.http_url, connector=connector, cookie_jar=aiohttp.DummyCookieJar()
        ) as http,
    ):
        yield People(server, http)


async def at_once(count: int, work: Callable[[int], Awaitable[Reply]]) -> list[Reply]:
    """The replies to `count` calls at the same time."""
    return list(await asyncio.gather(*(work(number) for number in range(count))))


async def wait_until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Until it holds, for 30 seconds at most."""
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.02)
