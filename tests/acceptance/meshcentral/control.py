"""MeshCentral's control socket, as its web pages and its command line tool use it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.acceptance.meshcentral.server import ADMIN, PASSWORD, MeshCentral

SECONDS = 30.0
HANG_UP = aiohttp.ClientWSTimeout(ws_close=0.2)
"""It stops reading when it refuses a login, so our farewell is never answered."""

Event = dict[str, Any]


class LoginRefused(Exception):
    """The server closed the socket instead of letting us in.

    Attributes:
        cause: such as `noauth`, `invalidorigin`, `banned`.
        message: such as `tokenrequired`.
        answer: all of what it said, such as `sms2fa` and `sms2fasent`.
    """

    def __init__(self, answer: Event) -> None:
        super().__init__(answer.get("msg"))
        self.cause = answer.get("cause")
        self.message = answer.get("msg")
        self.answer = answer


class Control:
    """One session of one user; keeps everything the server sends."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, user: str) -> None:
        self.user = f"user//{user}"
        self.events: list[Event] = []
        self._socket = socket
        self._arrived = asyncio.Condition()
        self._ended = False
        self._tags = 0

    async def send(self, action: str, **fields: Any) -> None:
        """One command."""
        await self._socket.send_json({"action": action, **fields})

    async def wait_for(
        self, wanted: Callable[[Event], bool], *, after: int = 0, seconds: float = SECONDS
    ) -> Event:
        """The first event after the first `after` ones that is wanted."""

        def found() -> Event | None:
            return next((event for event in self.events[after:] if wanted(event)), None)

        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: found() is not None or self._ended)
        event = found()
        assert event is not None, f"the server closed the socket; it sent {self.events[after:]}"
        return event

    async def ask(self, action: str, answer: str = "", **fields: Any) -> Event:
        """Send a command, and wait for the next event of action `answer` (default: the same)."""
        after = len(self.events)
        await self.send(action, **fields)
        return await self.wait_for(lambda event: event["action"] == (answer or action), after=after)

    async def console(self, line: str) -> str:
        """What My Server > Console answers to a line; full administrators only."""
        self._tags += 1
        tag = f"line {self._tags}"
        await self.send("serverconsole", value=line, tag=tag)
        answer = await self.wait_for(
            lambda event: event["action"] == "serverconsole" and event.get("tag") == tag
        )
        return str(answer["value"])

    async def notice(self, action: str, **fields: Any) -> str:
        """Send a command that is answered by a notification; its text."""
        return str((await self.ask(action, "msg", **fields))["value"])

    async def account(self, name: str) -> Event:
        """A user as administrators see it."""
        users = (await self.ask("users"))["users"]
        found: Event = next(user for user in users if user["_id"] == f"user//{name}")
        return found

    async def add_user(self, name: str, phone: str = "") -> None:
        """Make an account with `PASSWORD`, and set its phone."""
        after = len(self.events)
        await self.send("adduser", username=name, **{"pass": PASSWORD})
        await self.wait_for(lambda event: _about(event, "accountcreate", name), after=after)
        if phone:
            await self.send("edituser", id=f"user//{name}", phone=phone)
            await self.wait_for(
                lambda event: (
                    _about(event, "accountchange", name) and event["account"].get("phone") == phone
                ),
                after=after,
            )

    async def read(self) -> None:
        """Take in what comes until the socket ends."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                event = message.json()
                await self._take(event.get("event", event))
        self._ended = True
        async with self._arrived:
            self._arrived.notify_all()

    async def _take(self, event: Event) -> None:
        async with self._arrived:
            self.events.append(event)
            self._arrived.notify_all()


def _about(event: Event, action: str, name: str) -> bool:
    account = event.get("account")
    return (
        event.get("action") == action
        and isinstance(account, dict)
        and account["_id"] == f"user//{name}"
    )


@asynccontextmanager
async def control(
    mesh: MeshCentral,
    user: str = ADMIN,
    password: str = PASSWORD,
    *,
    token: str = "",
    origin: str = "",
    language: str = "",
    forwarded_for: str = "",
    cf_connecting_ip: str = "",
    address: str = "",
) -> AsyncIterator[Control]:
    """Log in on `control.ashx` with name and password.

    Args:
        token: the second factor; `**sms**` asks for a code by SMS.
        origin: as a browser sends it; empty = none, as tools do.
        language: `Accept-Language`, the language of SMS.
        forwarded_for: `X-Forwarded-For`, as a proxy adds it.
        cf_connecting_ip: `CF-Connecting-IP`, as Cloudflare adds it.
        address: loopback address to come from; empty = 127.0.0.1.

    Raises:
        LoginRefused: by the server.
    """
    words = [user, password, token] if token else [user, password]
    headers = {
        "x-meshauth": ",".join(base64.b64encode(word.encode()).decode() for word in words),
        "Origin": origin,
        "Accept-Language": language,
        "X-Forwarded-For": forwarded_for,
        "CF-Connecting-IP": cf_connecting_ip,
    }
    headers = {name: value for name, value in headers.items() if value}
    connector = aiohttp.TCPConnector(local_addr=(address, 0) if address else None)
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.ws_connect(
            f"{mesh.url}/control.ashx", headers=headers, max_msg_size=0, timeout=HANG_UP
        ) as socket,
    ):
        session = Control(socket, user)
        reading = asyncio.create_task(session.read())
        try:
            # The server greets with several events at once, or says why it closes.
            first = await session.wait_for(lambda e: e["action"] in {"userinfo", "close"})
            if first["action"] == "close":
                raise LoginRefused(first)
            yield session
        finally:
            await socket.close()
            await reading
