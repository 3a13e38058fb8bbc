"""Alerts by mail and by webhook."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from enum_backend.egress import Egress
from enum_backend.mail import Mailer, MailRefused
from enum_backend.messaging.policy.alert_ways import EmailWay, WebhookWay
from enum_backend.messaging.policy.alerts import SpendAlert
from enum_backend.messaging.policy.announcer import NotTold
from enum_backend.settings.policy import AlertSettings
from enum_backend.settings.smtp import SmtpSettings
from enum_backend.standard_webhooks import signed_headers
from tests.unit.policy.policy_kit import NOW

SECRET = "canary-secret-of-at-least-32-characters"
ALERT = SpendAlert(7, "tenant:acme", 20454, 80, Decimal("41.5"), Decimal(50), NOW)
REACHED = SpendAlert(8, "all", 20454, 100, Decimal(50), Decimal(50), NOW)


class Post:
    """Takes mails, or does not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mails: list[tuple[str, str, str, str]] = []
        self.refuses: MailRefused | None = None
        monkeypatch.setattr(Mailer, "send", self._send)

    async def _send(self, to: str, subject: str, text: str, *, message_id: str) -> None:
        if self.refuses:
            raise self.refuses
        self.mails.append((to, subject, text, message_id))


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    return Post(monkeypatch)


@pytest.fixture
def mail(post: Post) -> EmailWay:
    return EmailWay("email-1", Mailer(SmtpSettings()), "ops@example.com")


async def test_mail(post: Post, mail: EmailWay) -> None:
    await mail.tell(ALERT)
    await mail.tell(REACHED)
    assert post.mails == [
        (
            "ops@example.com",
            "80 % of the daily spend limit are used (tenant:acme)",
            "A tenant (tenant:acme) has spent 41.50 of 50.00 USD in 24 hours.\n",
            "alert_7",
        ),
        (
            "ops@example.com",
            "100 % of the daily spend limit are used (all)",
            "This server (all) has spent 50.00 of 50.00 USD in 24 hours.\n"
            "Nothing more is sent that costs money, until earlier messages are 24 hours old.\n",
            "alert_8",
        ),
    ]


async def test_mail_that_is_not_taken(post: Post, mail: EmailWay) -> None:
    for refused, why in (
        (MailRefused(final=True, status=550), "550"),
        (MailRefused(final=False), "no answer"),
    ):
        post.refuses = refused
        with pytest.raises(NotTold, match=why):
            await mail.tell(ALERT)


class Receiver:
    """A web address that answers as it is told."""

    def __init__(self) -> None:
        self.status = 204
        self.calls: list[tuple[Any, bytes]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.calls.append((request.headers, await request.read()))
        headers = {"Location": "/elsewhere"} if self.status == 302 else {}
        return web.Response(status=self.status, headers=headers)


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    taking = Receiver()
    app = web.Application()
    app.router.add_post("/alerts", taking.take)
    async with TestServer(app) as server:
        yield taking, str(server.make_url("/alerts"))


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    made = Egress()
    yield made
    await made.close()


async def test_webhook(receiver: tuple[Receiver, str], egress: Egress) -> None:
    taking, url = receiver
    await WebhookWay(egress, url, SECRET).tell(ALERT)
    await WebhookWay(egress, url, "").tell(ALERT)
    headers, body = taking.calls[0]
    assert json.loads(body) == {
        "id": "alert_7",
        "type": "spend.alert",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "data": {
            "scope": "tenant:acme",
            "level": 80,
            "used": "41.5000",
            "limit": "50.0000",
            "currency": "USD",
        },
    }
    expected = signed_headers("alert_7", int(headers["webhook-timestamp"]), body, [SECRET])
    assert headers["webhook-signature"] == expected["webhook-signature"]
    assert headers["webhook-id"] == "alert_7"
    assert "webhook-signature" not in taking.calls[1][0]


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_webhook_that_does_not_take_it(
    receiver: tuple[Receiver, str], egress: Egress, status: int
) -> None:
    taking, url = receiver
    taking.status = status
    with pytest.raises(NotTold, match=f"HTTP {status}"):
        await WebhookWay(egress, url, "").tell(ALERT)
    assert len(taking.calls) == 1


async def test_webhook_that_is_not_there(egress: Egress, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/canary"
    with pytest.raises(NotTold) as failed:
        await WebhookWay(egress, url, SECRET).tell(ALERT)
    assert "canary" not in str(failed.value)


def test_settings() -> None:
    chosen = AlertSettings.model_validate(
        {"email": "a@example.com, b@example.com", "webhook": "https://hook.example/canary"}
    )
    assert chosen.email == ("a@example.com", "b@example.com")
    assert "canary" not in repr(chosen)


@pytest.mark.parametrize(
    "settings",
    [
        {"email": ["nobody"]},
        {"email": [f"{n}@example.com" for n in range(5)]},
        {"webhook": "hook.example"},
        {"webhook_secret": "short"},
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        AlertSettings.model_validate(settings)
