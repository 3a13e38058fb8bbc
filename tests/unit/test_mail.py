"""Mail, handed to a real SMTP server."""

from __future__ import annotations

import base64
import email
import email.policy
import re
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from enum_backend.mail import Mailer, MailRefused
from enum_backend.plain_mail import one_line, plain_mail
from enum_backend.settings.smtp import SmtpSettings

HOSTILE = "hi\r\nBcc: victim@example.net\r\n\r\nbody\x00\u2028X-Evil: 1"

_EVIL = "\r\nBcc: v@x.example\r\nX-Evil: 1\r\n\r\n<h1>body</h1>"
_Q = "".join(f"={octet:02X}" for octet in _EVIL.encode())
_B = base64.b64encode(_EVIL.encode()).decode()
ENCODED_WORDS = (
    "=?utf-8?q?=0aBcc:v@x.example?=",
    "=?utf-8?q?=0a=0aevil?=",
    f"=?utf-8?q?{_Q}?=",
    f"=?UTF-8?Q?{_Q.lower()}?=",
    f"=?utf-8?b?{_B}?=",
    f"=?Utf-8?B?{_B}?= and more",
    f"=?utf-8*en?q?{_Q}?=",
    f"=?us-ascii?q?{_Q}?= =?iso-8859-1?B?{_B}?=",
    f"=?utf-8?q?{_Q[:30]}?= =?utf-8?q?{_Q[30:]}?=",
    f"=?utf-8?q?{_Q[:30]}?=\r\n =?utf-8?q?{_Q[30:]}?=",
    f"x=?utf-8?q?{_Q}?=y",
    f'"=?utf-8?q?{_Q}?=" <v@x.example>',
    "=?utf-7?q?+AA0ACg-Bcc: v?=",
    "=?unknown?q?=0aBcc?= =?utf-8?x?=0a?=",
    "=?utf-8?b?CkJjYzp2QHguZXhhbXBsZQ==",
    "=?utf-8?q?=00=ed=a0=80?= \x00 \ud800 =?",
    "=?utf-8?q?" + "=0aX: y" * 400 + "?=",
    "word " * 1000,
    "long" * 5000,
    "\N{EURO SIGN}" * 5000,
    "\U0001f600" * 300,
    "\ud83d\ude00",
    "a\x0bb\x0cc\x1cd\x85e\u2029f\x7fg",
    " lead and trail ",
    "ends in =",
    "",
)


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


OURS = {"From": "sms@example.org", "To": "alice@example.com"}
MIME = ["Content-Type", "Content-Transfer-Encoding", "MIME-Version"]

_PIECES = st.sampled_from(
    ["=?utf-8?q?", "=?UTF-8?B?", "?=", "=0a", "=0D=0A", "Bcc: v@x.example", "\r\n", "\n "]
) | st.sampled_from(["CkJjYzp2QHguZXhhbXBsZQ==", "a" * 90, *"_=? :\t\x00\ud800\u2028€"])
ANY_TEXT = st.one_of(st.text(), st.lists(_PIECES, max_size=30).map("".join))


def with_all(test: Any) -> Any:
    """The property must hold for the known attacks as well."""
    for text in (HOSTILE, *ENCODED_WORDS):
        test = example(text)(test)
    return test


@with_all
@given(ANY_TEXT)
def test_a_header_holds_any_text_and_nothing_else_becomes_of_it(text: str) -> None:
    octets = plain_mail(OURS, {"Subject": text, "X-Id": text}, "The body.\n")
    head, _, body = octets.partition(b"\r\n\r\n")
    assert body == b"The body.\r\n"
    lines = head.split(b"\r\n")
    names = [line.partition(b":")[0].decode() for line in lines if line[:1] != b" "]
    assert names == ["From", "To", "Subject", "X-Id", *MIME]
    assert all(re.fullmatch(rb"[\x20-\x7e]{1,78}", line) and line.strip() for line in lines)
    mail = email.message_from_bytes(octets, policy=email.policy.default)
    assert mail.keys() == names
    assert mail["Subject"] == mail["X-Id"] == one_line(text)
    assert not mail.defects
    assert mail.get_payload() == "The body.\r\n"


@with_all
@given(ANY_TEXT)
def test_a_body_holds_any_text_and_no_odd_octet(text: str) -> None:
    octets = plain_mail(OURS, {"Subject": "s"}, text)
    _, _, body = octets.partition(b"\r\n\r\n")
    assert re.fullmatch(rb"(?:[\t\x20-\x7e]{0,78}\r\n)*", body)
    mail = cast("EmailMessage", email.message_from_bytes(octets, policy=email.policy.default))
    assert mail.keys() == ["From", "To", "Subject", *MIME]
    assert not mail.defects
    shown = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", " ", re.sub(r"\r\n?", "\n", text))
    expected = shown.encode("utf-8", "replace").decode()
    arrived = mail.get_content().replace("\r\n", "\n")
    assert arrived.removesuffix("\n") == expected.removesuffix("\n")


def test_plain_words_stay_plain() -> None:
    octets = plain_mail(OURS, {"Subject": "SMS from +15557654321, 100 % = sure?"}, "x\n")
    assert b"\r\nSubject: SMS from +15557654321, 100 % = sure?\r\n" in octets


@pytest.mark.parametrize("text", ENCODED_WORDS)
async def test_encoded_words_arrive_as_they_were_written(server: Any, text: str) -> None:
    await Mailer(settings(server.port)).send(
        "alice@example.com", text, text, message_id="dlv_1", headers={"X-Id": text}
    )
    mail = server.mail()
    assert mail["Subject"] == mail["X-Id"] == one_line(text)
    assert mail["Bcc"] is None
    assert mail["X-Evil"] is None
    added = ["X-Peer", "X-MailFrom", "X-RcptTo"]
    ours = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Id"]
    assert sorted(set(mail.keys()) - set(added)) == sorted(ours + MIME)
    assert mail.get_content_type() == "text/plain"


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
        "=?utf-8?q?=0aX-Evil=3a1?=@example.com",
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
