"""Deliveries by e-mail: one plain-text mail for each message.

What a stranger wrote gets into the text, and cleaned into the subject; nothing of it
can become another header. The Message-ID is the delivery's, so that a mail that was
sent twice (the server took it, but its word was lost) is recognised as one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

from enum_backend.clock import rfc3339
from enum_backend.errors import SettingsError
from enum_backend.mail import Mailer, MailRefused
from enum_backend.messaging.deliveries.model import Claimed, Message, Result, Why
from enum_backend.plain_mail import one_line

BUILT_IN = """\
Subject: SMS from ${from} to ${to}

${message}

--
From:     ${from}
To:       ${to}
Received: ${received_at}
Id:       ${message_id}
${notice}"""

INCOMPLETE = "Parts of this message never arrived.\n"

_FIELDS = frozenset(
    {"from", "to", "message", "received_at", "message_id", "gateway", "provider", "notice"}
)
_SUBJECT = re.compile(r"Subject:[ \t]*(?P<subject>\S[^\r\n]*)\r?\n\r?\n(?P<text>.+)", re.DOTALL)
_SUBJECT_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """Subject and text with `${from}`, `${message}` and the like."""

    subject: Template
    text: Template

    def render(self, message: Message) -> tuple[str, str]:
        """Subject, in one line, and text of a message."""
        values = {
            "from": message.sender,
            "to": message.to,
            "message": message.text,
            "received_at": rfc3339(message.received_at),
            "message_id": message.inbox_id,
            "gateway": message.gateway,
            "provider": message.provider,
            "notice": INCOMPLETE if message.incomplete else "",
        }
        subject = one_line(self.subject.substitute(values))[:_SUBJECT_CHARACTERS]
        return subject, self.text.substitute(values)


def load_template(path: str) -> MailTemplate:
    """The template of a file, or the built-in one.

    Raises:
        SettingsError: the file cannot be read, does not begin with `Subject: ...` and
            an empty line, or names a field that there is none of.
    """
    if not path:
        return _template(BUILT_IN, "smtp.template")
    try:
        return _template(Path(path).read_text("utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"smtp.template: {path}: {type(error).__name__}") from None


def _template(text: str, where: str) -> MailTemplate:
    found = _SUBJECT.fullmatch(text)
    if found is None:
        raise SettingsError(f"{where}: expected a line 'Subject: ...', an empty line, a text")
    template = MailTemplate(Template(found["subject"]), Template(found["text"]))
    for part in (template.subject, template.text):
        unknown = sorted(set(part.get_identifiers()) - _FIELDS) if part.is_valid() else ["$"]
        if unknown:
            fields = ", ".join(f"${{{name}}}" for name in sorted(_FIELDS))
            raise SettingsError(f"{where}: {unknown[0]!r} is none of {fields}")
    return template


class MailSender:
    """Sends inbound messages by mail."""

    def __init__(self, mailer: Mailer, template: MailTemplate) -> None:
        self._mailer = mailer
        self._template = template

    async def deliver(self, claimed: Claimed) -> Result:
        """Send one message; never raises."""
        if claimed.message is None or claimed.address is None:
            return Result(Why.UNREADABLE, final=True)
        if not self._mailer.usable:
            return Result(Why.MAIL_NOT_SET, final=True)
        subject, text = self._template.render(claimed.message)
        headers = {"X-Delivery-Id": claimed.delivery_id, "X-Message-Id": claimed.inbox_id}
        try:
            await self._mailer.send(
                claimed.address, subject, text, message_id=claimed.delivery_id, headers=headers
            )
        except MailRefused as error:
            return Result(
                Why.MAIL_REFUSED,
                final=error.final,
                status=error.status,
                broken=not error.final,
            )
        except ValueError:
            return Result(Why.UNUSABLE_ADDRESS, final=True)
        return Result(status=250)
