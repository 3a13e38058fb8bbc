"""A client of `/agents/...`, and messages that come in through a signed call."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

ACCOUNT = "AC" + "0" * 32
TOKEN = "f" * 32
OURS, SECOND = "+15550100001", "+15550100002"
SENDER = "+15557654321"
PUBLIC = "https://sms.example.org"
SECONDS = 30.0


class AgentClient:
    """One key at one server."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self._headers = {"Authorization": f"Bearer {key}"}

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        status, document, _ = await self.exchange(method, path, **options)
        return status, document

    async def exchange(
        self, method: str, path: str, **options: Any
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        timeout = aiohttp.ClientTimeout(total=60)
        async with (
            aiohttp.ClientSession(self.url, headers=self._headers, timeout=timeout) as http,
            http.request(method, path, **options) as answer,
        ):
            return answer.status, await answer.json(), dict(answer.headers)

    async def lease(self, passport: str = "p", **more: Any) -> dict[str, Any]:
        body = {"passport_id": passport, **more}
        status, document = await self.call("POST", "/agents/leases", json=body)
        assert status == 200, document
        return document

    async def wait(self, lease: dict[str, Any], **wanted: Any) -> tuple[int, dict[str, Any]]:
        body = {"timeout_ms": 30_000, **wanted}
        return await self.call("POST", f"/agents/leases/{lease['lease_id']}/wait", json=body)

    def waiting(
        self, lease: dict[str, Any], **wanted: Any
    ) -> asyncio.Task[tuple[int, dict[str, Any]]]:
        return asyncio.create_task(self.wait(lease, **wanted))

    async def settled(self, count: int = 1) -> None:
        """So many waits of this key are under way at this server."""
        async with asyncio.timeout(SECONDS):
            while (await self.call("GET", "/agents/usage"))[1]["waiting"] != count:
                await asyncio.sleep(0.01)

    async def messages(self, lease: dict[str, Any], **query: Any) -> tuple[int, dict[str, Any]]:
        path = f"/agents/leases/{lease['lease_id']}/messages"
        return await self.call("GET", path, params=query)

    async def simulate(self, to: str, text: str, **more: Any) -> tuple[int, dict[str, Any]]:
        return await self.call("POST", "/agents/simulate", json={"to": to, "text": text, **more})


def twilio_settings(**more: Any) -> dict[str, Any]:
    """A gateway of the numbers of ours."""
    return {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "from": OURS,
        "numbers": [OURS, SECOND],
        **more,
    }


async def twilio_receives(
    url: str, to: str, text: str, *, sid: str | None = None, path: str = "/webhook/sms-received"
) -> str:
    """Twilio tells of a message; returns its id, to tell of it again."""
    sid = sid or f"SM{uuid4().hex}"
    fields = {
        "MessageSid": sid,
        "SmsSid": sid,
        "AccountSid": ACCOUNT,
        "From": SENDER,
        "To": to,
        "Body": text,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
    }
    signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC}{path}", fields)
    headers = {
        "X-Twilio-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    async with (
        aiohttp.ClientSession(url) as http,
        http.post(path, data=urlencode(fields).encode(), headers=headers) as answer,
    ):
        assert answer.status == 200, await answer.text()
        assert "<Response/>" in await answer.text()
    return sid
