"""Inbound messages by mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from enum_backend.errors import SettingsError
from enum_backend.mail import Mailer, MailRefused
from enum_backend.messaging.deliveries.mail import MailSender, load_template
from enum_backend.messaging.deliveries.model import Result, Why
from enum_backend.plain_mail import plain_mail
from enum_backend.settings.smtp import SmtpSettings
from tests.unit.messaging.deliveries.test_webhook_sender import CLAIMED, MESSAGE


class Postman(Mailer):
    """Keeps mails instead of sending them."""

    def __init__(self, trouble: Exception | None = None, usable: bool = True) -> None:
        host = "mail.example" if usable else ""
        super().__init__(SmtpSettings.model_validate({"host": host, "from": "sms@example.org"}))
        self.trouble = trouble
        self.mails: list[tuple[str, str, str, str, Mapping[str, str] | None]] = []

    async def send(
        self,
        to: str,
        subject: str,
        text: str,
        *,
        message_id: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.mails.append((to, subject, text, message_id, headers))


TO_ALICE = replace(CLAIMED, address="alice@example.com")


async def deliver(postman: Postman, claimed: Any = TO_ALICE, template: str = "") -> Result:
    return await MailSender(postman, load_template(template)).deliver(claimed)


async def test_the_built_in_template() -> None:
    postman = Postman()
    message = replace(MESSAGE, text="Your code is 1234\n${from} $x", incomplete=True)
    assert await deliver(postman, replace(TO_ALICE, message=message)) == Result(status=250)
    ((to, subject, text, message_id, headers),) = postman.mails
    assert (to, message_id) == ("alice@example.com", "dlv_1")
    assert subject == "SMS from +15557654321 to +15550100001"
    assert text.startswith("Your code is 1234\n${from} $x\n\n--\n")
    assert "2026-01-01T00:00:00.000Z" in text
    assert "never arrived" in text
    assert headers == {"X-Delivery-Id": "dlv_1", "X-Message-Id": "in_1"}


async def test_a_stranger_s_name_stays_in_its_line() -> None:
    postman = Postman()
    hostile = "Bank\r\nBcc: x@y.example\x00" + "a" * 300
    await deliver(postman, replace(TO_ALICE, message=replace(MESSAGE, sender=hostile)))
    subject = postman.mails[0][1]
    assert subject.startswith("SMS from Bank Bcc: x@y.example aaa")
    assert len(subject) <= 120
    assert subject.isprintable()


async def test_encoded_words_of_a_stranger_are_text(tmp_path: Path) -> None:
    file = tmp_path / "mail.txt"
    file.write_text("Subject: ${from}: ${message}\n\n${from}: ${message}\n")
    sender = "=?utf-8?q?=0aBcc:v@x.example?="
    text = "hi =?UTF-8?B?DQpSZXBseS1UbzogZQ0KDQo8aDE+?=\r\n =?utf-8?q?=0d=0a?=\nend"
    message = replace(MESSAGE, sender=sender, text=text)
    postman = Postman()
    await deliver(postman, replace(TO_ALICE, message=message), str(file))
    _, subject, body, _, headers = postman.mails[0]
    octets = plain_mail({"To": "alice@example.com"}, {"Subject": subject, **(headers or {})}, body)
    mail = message_from_bytes(octets, policy=default)
    assert mail["Subject"] == f"{sender}: {' '.join(text.split())}"[:120]
    assert mail.keys()[:4] == ["To", "Subject", "X-Delivery-Id", "X-Message-Id"]
    assert set(mail.keys()[4:]) == {"Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
    assert mail.get_content().splitlines() == f"{sender}: {text}".splitlines()  # type: ignore[attr-defined]


async def test_an_own_template(tmp_path: Path) -> None:
    file = tmp_path / "mail.txt"
    file.write_bytes(b"Subject:  Neu: ${gateway}\r\n\r\n${message} ${provider} $message_id\r\n")
    postman = Postman()
    await deliver(postman, template=str(file))
    assert postman.mails[0][1] == "Neu: telnyx-eu"
    assert "telnyx in_1" in postman.mails[0][2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no subject\n\ntext",
        "Subject: x\ntext",
        "Subject: \n\ntext",
        "Subject: x\n\n${unknown}",
        "Subject: ${secret}\n\nx",
        "Subject: x\n\n$ ${from}",
    ],
)
def test_templates_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mail.txt"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"mail\.txt"):
        load_template(str(file))


def test_a_template_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("none", "binary"):
        with pytest.raises(SettingsError, match=r"smtp\.template"):
            load_template(str(tmp_path / name))


@pytest.mark.parametrize(
    ("trouble", "result"),
    [
        (MailRefused(final=True, status=550), Result(Why.MAIL_REFUSED, True, status=550)),
        (
            MailRefused(final=False, status=451),
            Result(Why.MAIL_REFUSED, status=451, broken=True),
        ),
        (ValueError("no address"), Result(Why.UNUSABLE_ADDRESS, final=True)),
    ],
)
async def test_trouble(trouble: Exception, result: Result) -> None:
    assert await deliver(Postman(trouble)) == result


async def test_without_a_server_it_is_a_dead_letter_at_once() -> None:
    result = await deliver(Postman(usable=False))
    assert result == Result(Why.MAIL_NOT_SET, final=True)


async def test_nothing_to_send() -> None:
    assert (await deliver(Postman(), replace(TO_ALICE, message=None))).why is Why.UNREADABLE
    assert (await deliver(Postman(), CLAIMED)).why is Why.UNREADABLE
