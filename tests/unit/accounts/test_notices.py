"""What users are told, and what happens when they cannot be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from enum_backend.accounts.model import User
from enum_backend.accounts.notices import Notices
from enum_backend.errors import SmsDisabled
from enum_backend.mail import MailRefused
from enum_backend.messaging.model import MessageKind, SendRequest

ALICE = User("usr_1", "alice@example.org", phone="+14155550101", phone_verified=True)
NO_PHONE = User("usr_2", "bob@example.org", phone="+14155550102", phone_verified=False)


class Outbox:
    """Stands for the message service."""

    def __init__(self) -> None:
        self.sent: list[SendRequest] = []
        self.refuses = False

    async def send(self, request: SendRequest) -> None:
        if self.refuses:
            raise SmsDisabled
        self.sent.append(request)


class Post:
    """Stands for the mail server."""

    def __init__(self, *, usable: bool = True) -> None:
        self.usable = usable
        self.sent: list[tuple[str, str, str]] = []
        self.hangs = False
        self.refuses = False

    async def send(self, to: str, subject: str, text: str, **_: Any) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.refuses:
            raise MailRefused(final=True)
        self.sent.append((to, subject, text))


async def test_by_sms_and_mail() -> None:
    outbox, post = Outbox(), Post()
    notices = Notices(outbox, post, "Shop")  # type: ignore[arg-type]
    notices.password_changed(ALICE)
    notices.two_factor_on(ALICE)
    notices.two_factor_off(NO_PHONE)
    notices.registered_again("alice@example.org")
    await notices.close()
    (sms,) = outbox.sent
    assert (sms.to, sms.kind, sms.skip_rate_limit) == (ALICE.phone, MessageKind.ADMIN, True)
    assert sms.text.startswith("Shop: your password was changed.")
    assert not sms.is_code
    assert [to for to, _, _ in post.sent].count("alice@example.org") == 3
    assert "Shop: two-factor login was switched off" in {subject for _, subject, _ in post.sent}


async def test_what_cannot_be_sent_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox, post = Outbox(), Post()
    outbox.refuses = post.refuses = True
    notices = Notices(outbox, post, "Shop")  # type: ignore[arg-type]
    notices.password_changed(ALICE)
    await notices.close()
    assert "+1415" not in capsys.readouterr().out
    none = Notices(outbox, Post(usable=False), "Shop")  # type: ignore[arg-type]
    none.two_factor_on(ALICE)
    await none.close()
    post.hangs = True
    monkeypatch.setattr("enum_backend.accounts.notices.CLOSE_SECONDS", 0.01)
    notices.two_factor_on(ALICE)
    await notices.close()
