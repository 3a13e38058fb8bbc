"""OAuth2 client credentials (RFC 6749 section 4.4): one bearer token, kept while it is good."""

from __future__ import annotations

import asyncio
import re
from time import monotonic

from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.gateways.http_client import HttpClient, basic_auth
from enum_backend.gateways.http_replies import status_error

RENEW_EARLY = 60.0
"""Seconds before its end at which a token is replaced."""

_TOKEN = re.compile(r"[!-~]+")


class ClientCredentials:
    """Fetches and keeps a token; many senders at once cause one request.

    Args:
        http: the gateway's client.
        url: token endpoint.
        client_id: without `:`.
        client_secret: the other half of the Basic credentials.
    """

    def __init__(self, http: HttpClient, url: str, client_id: str, client_secret: str) -> None:
        self._http = http
        self._url = url
        self._basic = basic_auth(client_id, client_secret)
        self._token = ""
        self._renew_at = 0.0
        self._lock = asyncio.Lock()

    async def token(self, refused: str = "") -> str:
        """A token that should be valid.

        Args:
            refused: a token the API has just refused; it is not given out again.

        Raises:
            GatewayError: the credentials are wrong (`auth_failed`), or there is no
                token now; never ambiguous, as no message is on its way yet.
        """
        async with self._lock:
            if self._token in ("", refused) or monotonic() >= self._renew_at:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        self._token = ""
        reply = await self._http.request(
            "POST",
            self._url,
            headers={"Authorization": self._basic, "Accept": "application/json"},
            data={"grant_type": "client_credentials"},
            repeatable=True,
        )
        if reply.status >= 300:
            # RFC 6749 section 5.2: a wrong client is 401, but 400 is as common.
            wrong = Reason.AUTH_FAILED if reply.status in (400, 401, 403) else None
            raise status_error(reply, reason=wrong, detail="no access token")
        body = reply.json_object()
        token, seconds = body.get("access_token"), body.get("expires_in")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise GatewayError(
                Reason.TEMPORARY_UNAVAILABLE, "the token endpoint's reply holds no token"
            )
        lasts = float(seconds) if isinstance(seconds, int | float) else 0.0
        self._renew_at = monotonic() + max(lasts - RENEW_EARLY, lasts / 2)
        self._token = token
