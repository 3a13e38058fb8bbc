"""Phones of our own: whether each reports to this server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

from enum_backend.doctor.model import Finding, note, ok, warning
from enum_backend.gateways.android import AndroidGateway
from enum_backend.gateways.android_hooks import Hooks
from enum_backend.gateways.base import GatewayError
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.settings import Settings
from enum_backend.setup.phones import phone_gateways, webhook_address

ASK_SECONDS = 10.0
"""Longest wait for all phones of one gateway."""


async def registrations(pool: GatewayPool, settings: Settings) -> list[Finding]:
    """That phones know where to report; all gateways are asked at once, nothing is changed."""
    if not settings.public_base_url:
        return []  # said of the webhooks already
    gateways = phone_gateways(pool)
    found = await asyncio.gather(*(_of(gateway, settings) for gateway in gateways))
    return [finding for findings in found for finding in findings]


async def _of(gateway: AndroidGateway, settings: Settings) -> list[Finding]:
    url = webhook_address(settings, gateway)
    try:
        async with asyncio.timeout(ASK_SECONDS):
            hooks = await gateway.webhooks(url)
    except (GatewayError, TimeoutError) as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else str(error.reason)
        return [note(f"gateway {gateway.name}: phones", f"cannot say where they report: {why}")]
    return [
        finding
        for place, phone in enumerate(hooks, 1)
        for finding in _judged(gateway, place, phone, url)
    ]


def _judged(gateway: AndroidGateway, place: int, phone: Hooks, url: str) -> Iterator[Finding]:
    check = f"gateway {gateway.name}: phone {phone.phone or place}"
    others = ", ".join(dict.fromkeys(_place(item) for item in phone.elsewhere))
    if not phone.missing:
        yield ok(check, f"reports to {url}" + (f"; also to {others}" if others else ""))
        return
    message = f"does not report {', '.join(phone.missing)} here"
    yield warning(
        check,
        f"{message}, but to {others}" if others else message,
        "start the server, which registers them, or: enum-backend gateways webhooks --register",
    )


def _place(url: str) -> str:
    """Scheme and host only: what follows may hold another program's secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
