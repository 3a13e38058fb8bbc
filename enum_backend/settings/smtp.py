"""Settings of outgoing mail."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from enum_backend.settings.base import Seconds, Section

_MAILBOX = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)


def mail_address(text: str) -> str:
    """An address that can stand in an envelope as it is (ASCII, no name, no quotes).

    Nor does it hold what mail programs take for an encoded word (RFC 2047) and read as
    other characters.

    Raises:
        ValueError: it is none.
    """
    if len(text) > 254 or _MAILBOX.fullmatch(text) is None or "=?" in text:
        raise ValueError("expected a mail address such as alice@example.org")
    return text


class SmtpSettings(Section):
    """The mail server that takes our mail."""

    host: str = Field("", max_length=253, description="mail server, empty = no mail is sent")
    port: int = Field(587, ge=1, le=65535, description="its port")
    tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls (port 587), tls from the start (port 465), or none"
    )
    user: str = Field("", description="account, empty = no login")
    password: SecretStr = Field(SecretStr(""), description="its password")
    sender: str = Field("", alias="from", description="address mail comes from")
    template: str = Field(
        "", description="file with subject and text of a delivered SMS, empty = the built-in one"
    )
    timeout: Seconds = Field(20.0, gt=0, le=120, description="longest wait for one mail")

    @field_validator("sender")
    @classmethod
    def _address(cls, sender: str) -> str:
        return mail_address(sender) if sender else sender
