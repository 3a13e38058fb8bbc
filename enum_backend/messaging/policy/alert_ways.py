"""Spend alerts by mail and by webhook, to the addresses of the operator's settings."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Final

import aiohttp
from yarl import URL

from enum_backend.clock import rfc3339
from enum_backend.egress import Egress
from enum_backend.mail import Mailer, MailRefused
from enum_backend.messaging.policy.alerts import SpendAlert
from enum_backend.messaging.policy.announcer import NotTold
from enum_backend.standard_webhooks import signed_headers

WEBHOOK_SECONDS: Final = 10.0
"""Longest wait for the answer."""

EVENT: Final = "spend.alert"

_WHOSE: Final = {"all": "This server", "tenant": "A tenant", "client": "An API key or token"}


@dataclass(frozen=True, slots=True)
class EmailWay:
    """One mail address; `name` is a word of its own, so that each is told once."""

    name: str
    mailer: Mailer
    address: str

    async def tell(self, alert: SpendAlert) -> None:
        """Send one mail.

        Raises:
            NotTold
        """
        try:
            await self.mailer.send(
                self.address, _subject(alert), _text(alert), message_id=_event_id(alert)
            )
        except MailRefused as error:
            raise NotTold(f"the mail was not taken ({error.status or 'no answer'})") from None


@dataclass(frozen=True, slots=True)
class WebhookWay:
    """One web address; the operator chose it, so it may lead anywhere."""

    egress: Egress
    url: str
    secret: str
    name: str = "webhook"

    async def tell(self, alert: SpendAlert) -> None:
        """Post `{id, type, timestamp, data}`, signed by Standard Webhooks if there is a secret.

        Raises:
            NotTold
        """
        url = URL(self.url)
        body = json.dumps(_event(alert)).encode()
        secrets = [self.secret] if self.secret else []
        headers = signed_headers(_event_id(alert), int(time.time()), body, secrets)
        if not secrets:
            del headers["webhook-signature"]
        headers["Content-Type"] = "application/json"
        session = self.egress.session(url, trusted=True)
        try:
            async with (
                asyncio.timeout(WEBHOOK_SECONDS),
                session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise NotTold(type(error).__name__) from None
        if not 200 <= status < 300:
            raise NotTold(f"HTTP {status}")


def _event(alert: SpendAlert) -> dict[str, object]:
    return {
        "id": _event_id(alert),
        "type": EVENT,
        "timestamp": rfc3339(alert.raised_at),
        "data": {
            "scope": alert.scope,
            "level": alert.level,
            "used": f"{alert.used:.4f}",
            "limit": f"{alert.limit:.4f}",
            "currency": "USD",
        },
    }


def _event_id(alert: SpendAlert) -> str:
    return f"alert_{alert.id}"


def _subject(alert: SpendAlert) -> str:
    return f"{alert.level} % of the daily spend limit are used ({alert.scope})"


def _text(alert: SpendAlert) -> str:
    whose = _WHOSE.get(alert.kind, alert.kind)
    after = "Nothing more is sent that costs money, until earlier messages are 24 hours old.\n"
    return (
        f"{whose} ({alert.scope}) has spent {alert.used:.2f} of {alert.limit:.2f} USD "
        "in 24 hours.\n" + (after if alert.level >= 100 else "")
    )
