"""Deliveries to web addresses, signed as Standard Webhooks has it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import aiohttp
from yarl import URL

from enum_backend.egress import Egress, RefusedAddress, RefusedUrl
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.gateways.http_replies import retry_after
from enum_backend.messaging.breakers import Breakers
from enum_backend.messaging.deliveries.model import Claimed, Result, Why
from enum_backend.messaging.deliveries.payload import event_body
from enum_backend.standard_webhooks import signed_headers

BODY_LIMIT = 16 * 1024
"""Octets of an answer that are read, so that the connection can be used again."""

BODY_SECONDS = 2.0
"""Longest wait for the rest of an answer whose status is known."""

_TROUBLE = GatewayError(Reason.TEMPORARY_UNAVAILABLE)


class WebhookSender:
    """Posts messages; a failover address is tried when the first one fails.

    An address that keeps failing is skipped for a while if there is another one. The first
    address alone can end its endpoint (410).

    Args:
        timeout: seconds for one address.
    """

    def __init__(self, egress: Egress, timeout: float) -> None:
        self._egress = egress
        self._timeout = timeout
        self._breakers = Breakers()

    async def deliver(self, claimed: Claimed) -> Result:
        """Post one message; never raises."""
        if claimed.message is None or claimed.address is None:
            return Result(Why.UNREADABLE, final=True)
        body = event_body(claimed.delivery_id, claimed.message)
        if not claimed.failover_url:
            return await self._post(claimed, claimed.address, body)
        result = None
        if self._breakers.health(claimed.address) != "open":
            result = await self._post(claimed, claimed.address, body)
            self._learn(claimed.address, result)
            if result.delivered or result.why is Why.GONE:
                return result
        second = await self._post(claimed, claimed.failover_url, body)
        return second if second.delivered else _neither(result, second)

    def _learn(self, url: str, result: Result) -> None:
        if result.broken:
            self._breakers.failed(url, _TROUBLE)
        else:
            self._breakers.passed(url)

    async def _post(self, claimed: Claimed, address: str, body: bytes) -> Result:
        try:
            url = URL(address) if claimed.trusted else self._egress.check(address)
        except (RefusedUrl, ValueError):
            return Result(Why.UNUSABLE_ADDRESS, final=True)
        session = self._egress.session(url, trusted=claimed.trusted)
        headers = signed_headers(claimed.delivery_id, int(time.time()), body, claimed.secrets)
        headers["Content-Type"] = "application/json"
        try:
            async with (
                asyncio.timeout(self._timeout),
                session.post(url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                await _skim(response)
                return _judged(response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Result(_why(error), broken=True)


def _neither(first: Result | None, second: Result) -> Result:
    """What it means that two addresses did not take a message.

    Only the first one's 410 ends an endpoint, and only what can help at neither is final.

    Args:
        first: None = it was passed over, so that it may still take the message.
    """
    if first is not None:
        return replace(first, final=first.final and second.final)
    why = Why.BAD_STATUS if second.why is Why.GONE else second.why
    return replace(second, why=why, final=False)


async def _skim(response: aiohttp.ClientResponse) -> None:
    """Read a short answer to its end; hang up on one that is long, slow or broken."""
    if response.content.at_eof():
        return
    left = BODY_LIMIT
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in response.content.iter_any():
                left -= len(chunk)
                if left < 0:
                    break
    except (aiohttp.ClientError, TimeoutError):
        left = -1
    if left < 0:
        response.close()


def _judged(response: aiohttp.ClientResponse) -> Result:
    status = response.status
    if 200 <= status < 300:
        return Result(status=status)
    if status == 410:
        return Result(Why.GONE, final=True, status=status)
    wait = retry_after(response.headers)
    why = Why.REDIRECT if 300 <= status < 400 else Why.BAD_STATUS
    return Result(
        why, status=status, retry_after=wait, broken=status >= 500 or status in (408, 429)
    )


def _why(error: Exception) -> Why:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return Why.NAME_NOT_FOUND
        case aiohttp.ClientSSLError():
            return Why.TLS_REFUSED
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, RefusedAddress):
            return Why.ADDRESS_REFUSED
    return Why.NO_ANSWER
