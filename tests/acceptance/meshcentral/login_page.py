"""MeshCentral's login page, used as a browser uses it but without its scripts."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any

import aiohttp

from tests.acceptance.meshcentral.control import HANG_UP
from tests.acceptance.meshcentral.server import PASSWORD, MeshCentral

SMS_SENT = 4
INVALID_TOKEN = 108
ASKS_FOR_TOKEN = 4
_MESSAGE = re.compile(r"messageid = parseInt\('([0-9]*)'\)")
_MODE = re.compile(r"loginMode = '([0-9]*)'")


class LoginPage:
    """One browser session.

    Attributes:
        message: number of the message the page shows, 0 = none.
        mode: which form it shows; `ASKS_FOR_TOKEN` is the one for the second factor.
    """

    def __init__(self, mesh: MeshCentral, *, language: str = "en") -> None:
        self._mesh = mesh
        self._http = aiohttp.ClientSession(
            mesh.url,
            headers={"Accept-Language": language, "Origin": mesh.origin},
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=30),
        )
        self.message = 0
        self.mode = 0

    async def __aenter__(self) -> LoginPage:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def log_in(self, user: str, password: str = PASSWORD) -> None:
        """Name and password."""
        await self._post(action="login", username=user, password=password)

    async def ask_for_sms(self) -> None:
        """The button `SMS`."""
        await self._post(action="tokenlogin", token="", hwtoken="**sms**")

    async def enter(self, code: str) -> None:
        """The field for the code; a wrong one is answered after 2 to 6 seconds."""
        await self._post(action="tokenlogin", token=code, hwtoken="")

    async def fetch(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Status and text of another page, with this session's cookie."""
        async with self._http.request(method, path, **options) as response:
            return response.status, await response.text()

    async def signed_in_as(self) -> str:
        """User id of the session, empty before the login is complete."""
        async with self._http.ws_connect(
            "/control.ashx",
            headers={"Origin": self._mesh.origin},
            max_msg_size=0,
            timeout=HANG_UP,
        ) as socket:
            while True:
                event = await socket.receive_json(timeout=30)
                if event["action"] == "userinfo":
                    return str(event["userinfo"]["_id"])
                if event["action"] == "close":
                    return ""

    async def _post(self, **form: str) -> None:
        async with self._http.post("/", data=form) as response:
            page = await response.text()
            assert response.status == 200, page
        message, mode = _MESSAGE.search(page), _MODE.search(page)
        self.message = int(message[1] or 0) if message else 0
        self.mode = int(mode[1] or 0) if mode else 0
