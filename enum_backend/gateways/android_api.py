"""The HTTP interface of one phone, or of one account at an SMSGate server."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from yarl import URL

from enum_backend.gateways.android_errors import refusal_of
from enum_backend.gateways.android_options import AndroidPhone
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.gateways.http_client import HttpClient, basic_auth
from enum_backend.gateways.http_replies import Reply, provider_text, status_error

TOKEN_LIFE = 3600
"""Seconds a token is asked for."""

RENEW_EARLY = 300.0

SCOPES = ("messages:send", "messages:read", "webhooks:list", "webhooks:write")

_TOKEN = re.compile(r"[!-~]+")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class AndroidApi:
    """Authenticated requests to one base address.

    Args:
        http: the gateway's client.
        address: puts `base_url` in place.
        phone: with address and credentials filled in.
    """

    def __init__(
        self, http: HttpClient, address: Callable[[str], str], phone: AndroidPhone
    ) -> None:
        self._http = http
        self._base = address(phone.url)
        self._password = phone.password.get_secret_value()
        self._basic = basic_auth(phone.username, self._password)
        self._jwt = phone.auth == "jwt"
        self._token = ""
        self._renew_at = 0.0
        self._lock = asyncio.Lock()

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: object = None,
        repeatable: bool = False,
    ) -> Reply:
        """Any request; a token refused with 401 is renewed once.

        Args:
            path: after the base, ready for a URL.
            repeatable: its repetition changes nothing.

        Raises:
            GatewayError: no answer (see `HttpClient.request`), or no token.
        """
        target = f"{self._base}{path}" + (f"?{urlencode(query)}" if query else "")
        refused = ""
        while True:
            authorization = await self._authorization(refused)
            reply = await self._http.request(
                method,
                URL(target, encoded=True),
                headers={"Authorization": authorization, "Accept": "application/json"},
                json=json,
                repeatable=repeatable,
            )
            # 401 is an answer: nothing was taken, so once more is safe.
            if reply.status != 401 or not self._jwt or refused:
                return reply
            refused = self._token

    async def message(self, message_id: str) -> dict[str, Any] | None:
        """`GET /messages/{id}`; None = it surely has no such message.

        Raises:
            GatewayError: nobody knows.
        """
        reply = await self.call("GET", f"/messages/{quote(message_id, safe='')}", repeatable=True)
        if reply.status == 404:
            # TRAP: a proxy, or a wrong path, answers 404 too. Only if the API is
            # there does it prove that the message is not.
            await self.webhooks()
            return None
        if reply.status >= 300:
            raise self.refusal(reply)
        return reply.json_object()

    async def webhooks(self) -> list[Mapping[str, Any]]:
        """`GET /webhooks`: what is registered.

        Raises:
            GatewayError: refused, no answer, or not what an SMSGate answers.
        """
        reply = await self.call("GET", "/webhooks", repeatable=True)
        if reply.status >= 300:
            raise self.refusal(reply)
        listed = _list(reply.body)
        if listed is None:
            raise GatewayError(Reason.UNKNOWN, "the reply is no list of webhooks")
        return [item for item in listed if isinstance(item, dict)]

    def refusal(self, reply: Reply, hide: Iterable[str] = ()) -> GatewayError:
        """The error that a reply which is no success becomes."""
        body = reply.json_object()
        text = body.get("message")
        code = body.get("error")
        return status_error(
            reply,
            reason=refusal_of(reply.status, text if isinstance(text, str) else ""),
            provider_code=code if isinstance(code, str) and _CODE.fullmatch(code) else None,
            detail=provider_text(text, hide=(*hide, self._password)),
        )

    async def _authorization(self, refused: str) -> str:
        if not self._jwt:
            return self._basic
        async with self._lock:
            if self._token in ("", refused) or time.monotonic() >= self._renew_at:
                await self._renew()
            return f"Bearer {self._token}"

    async def _renew(self) -> None:
        """`POST /auth/token`; the server's clock is not trusted for its end."""
        self._token = ""
        reply = await self._http.request(
            "POST",
            URL(f"{self._base}/auth/token", encoded=True),
            headers={"Authorization": self._basic, "Accept": "application/json"},
            json={"ttl": TOKEN_LIFE, "scopes": list(SCOPES)},
            repeatable=True,
        )
        if reply.status >= 300:
            off = reply.status in (404, 501)
            raise status_error(
                reply,
                reason=Reason.AUTH_FAILED if off else None,
                detail='no token: use auth = "basic"' if off else "no token",
            )
        token = reply.json_object().get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise GatewayError(Reason.TEMPORARY_UNAVAILABLE, "the reply holds no token")
        self._token = token
        self._renew_at = time.monotonic() + TOKEN_LIFE - RENEW_EARLY


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone as the gateway uses it.

    Attributes:
        numbers: slot -> `+E.164`, cards with a number only.
        keys: of its webhooks.
    """

    device_id: str
    api: AndroidApi
    numbers: Mapping[int | None, str]
    keys: tuple[str, ...]


def _list(body: bytes) -> list[Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None
