"""Mail, handed to a real SMTP server."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from enum_backend.mail import Mailer, MailRefused, one_line
from enum_backend.settings.smtp import SmtpSettings

HOSTILE = "hi\r\nBcc: victim@example.net\r\n\r\nbody\x00\u2028X-Evil: 1"


class Server:
    """Keeps what it gets; answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.rcpt = self.data = ""

    async def handle_RCPT(  # noqa: N802 - a name of aiosmtpd
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        if self.rcpt:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.data:
            return self.data
        self.taken.append(envelope)
        return "250 OK"

    def mail(self) -> EmailMessage:
        (envelope,) = self.taken
        content = cast("bytes", envelope.content)
        return cast("EmailMessage", email.message_from_bytes(content, policy=email.policy.default))


@pytest.fixture
def server() -> Iterator[Server]:
    handler = Server()
    with Controllers(handler) as port:
        handler.port = port  # type: ignore[attr-defined]
        yield handler


class Controllers:
    """An SMTP server in a thread."""

    def __init__(self, handler: Any, **options: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._controller = Controller(handler, hostname="127.0.0.1", port=port, **options)

    def __enter__(self) -> int:
        self._controller.start()
        return self._controller.port

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


def settings(port: int, **changes: Any) -> SmtpSettings:
    values = {
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "from": "sms@example.org",
        "timeout": 5,
        **changes,
    }
    return SmtpSettings.model_validate(values)


async def test_a_mail_arrives(server: Any) -> None:
    await Mailer(settings(server.port)).send(
        "alice@example.com",
        "Grüße",
        "Zeile eins\n.Zeile zwei €\n",
        message_id="dlv_1",
        headers={"X-Message-Id": "in_1"},
    )
    mail = server.mail()
    assert server.taken[0].mail_from == "sms@example.org"
    assert server.taken[0].rcpt_tos == ["alice@example.com"]
    assert (mail["From"], mail["To"]) == ("sms@example.org", "alice@example.com")
    assert mail["Subject"] == "Grüße"
    assert mail["Message-ID"] == "<dlv_1@example.org>"
    assert mail["X-Message-Id"] == "in_1"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().replace("\r\n", "\n") == "Zeile eins\n.Zeile zwei €\n"


async def test_nothing_becomes_another_header(server: Any) -> None:
    await Mailer(settings(server.port)).send(
        "alice@example.com", HOSTILE, HOSTILE, message_id="dlv_1", headers={"X-Id": HOSTILE}
    )
    mail = server.mail()
    assert server.taken[0].rcpt_tos == ["alice@example.com"]
    assert mail["Bcc"] is None
    assert mail["X-Evil"] is None
    assert mail["Subject"] == "hi Bcc: victim@example.net body X-Evil: 1"
    ours = {"from", "to", "subject", "date", "message-id", "auto-submitted", "x-id"}
    mime = {"content-type", "content-transfer-encoding", "mime-version"}
    servers = {"x-peer", "x-mailfrom", "x-rcptto"}
    assert {name.lower() for name in mail} <= ours | mime | servers


@given(st.text())
def test_one_line(text: str) -> None:
    line = one_line(text)
    assert line.isprintable() or all(
        character.isprintable() or not character.isascii() for character in line
    )
    assert "\r" not in line
    assert "\n" not in line
    line.encode("utf-8")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "alice",
        "alice@",
        "a b@example.com",
        "alice@example.com\r\nRCPT TO:<x@y>",
        "<a@b>",
        "a@b,c@d",
    ],
)
async def test_addresses_that_are_none(server: Any, address: str) -> None:
    with pytest.raises(ValueError, match="mail address"):
        await Mailer(settings(server.port)).send(address, "s", "t", message_id="dlv_1")
    assert server.taken == []


@pytest.mark.parametrize(
    ("rcpt", "data", "final", "status"),
    [
        ("550 no such user", "", True, 550),
        ("450 try later", "", False, 450),
        ("", "554 refused", True, 554),
        ("", "451 try later", False, 451),
    ],
)
async def test_refusals(server: Any, rcpt: str, data: str, final: bool, status: int) -> None:
    server.rcpt, server.data = rcpt, data
    with pytest.raises(MailRefused) as caught:
        await Mailer(settings(server.port)).send("a@example.com", "s", "t", message_id="d")
    assert (caught.value.final, caught.value.status) == (final, status)


async def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(MailRefused) as caught:
        await Mailer(settings(port)).send("a@example.com", "s", "t", message_id="d")
    assert caught.value.final is False


async def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(MailRefused) as caught:
            await Mailer(settings(port, timeout=0.2)).send(
                "a@example.com", "s", "t", message_id="d"
            )
    assert caught.value.final is False


async def test_no_encryption_is_no_substitute_for_it(server: Any) -> None:
    for tls in ("starttls", "tls"):
        with pytest.raises(MailRefused) as caught:
            await Mailer(settings(server.port, tls=tls)).send(
                "a@example.com", "s", "t", message_id="d"
            )
        assert caught.value.final is False
    assert server.taken == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_logins() -> None:
    def check(_server: Any, _session: Any, _envelope: Any, _kind: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data.password == b"fake-password", handled=False)

    handler = Server()
    options = {"authenticator": check, "auth_required": True, "auth_require_tls": False}
    with Controllers(handler, **options) as port:
        right = settings(port, user="sms", password=SecretStr("fake-password"))
        await Mailer(right).send("a@example.com", "s", "t", message_id="d")
        wrong = settings(port, user="sms", password=SecretStr("fake-other"))
        with pytest.raises(MailRefused) as caught:
            await Mailer(wrong).send("a@example.com", "s", "t", message_id="d")
    assert caught.value.final is False
    assert len(handler.taken) == 1
    assert "fake" not in repr(right)


def test_when_there_is_a_server() -> None:
    assert Mailer(settings(25)).usable
    assert not Mailer(SmtpSettings()).usable
    assert not Mailer(settings(25, **{"from": ""})).usable
