"""The words of verification: what a code is for, who asked, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from enum_backend.messaging.model import Client


class Purpose(StrEnum):
    """What a code proves; a code for one purpose is worth nothing for another."""

    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 - a purpose, no secret
    PHONE_VERIFICATION = "PHONE_VERIFICATION"
    TWO_FACTOR_AUTH = "TWO_FACTOR_AUTH"
    CUSTOM = "CUSTOM"


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A code to send.

    Attributes:
        to: `+E.164`, normalised.
        client: who asks: its tenant owns the verification, its limits apply.
        app_name: named in the text; None = as set.
        locale: BCP 47 language of the text such as `pt-BR`; None or unknown = as set.
        domain: the site that may read the code by itself (WebOTP); None = as set.
        android_hash: 11 characters, the app that may (SMS Retriever).
        subject: whom it is for (a user's id); a check must name the same one.
        ip: the person's address, for the fraud guard and the limits by address.
        anonymous: nobody is known to own the number: its own, smaller quota; False = who
            owns it is known; None = as `verification.anonymous_purposes` says.
        decoy: the same work, time and answer, but nothing is sent and no code is right;
            for numbers that nobody has. Counts as anonymous.
    """

    to: str
    purpose: Purpose
    client: Client
    app_name: str | None = None
    locale: str | None = None
    domain: str | None = None
    android_hash: str | None = None
    subject: str | None = None
    ip: str | None = None
    anonymous: bool | None = None
    decoy: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """A code is on its way.

    Attributes:
        expires_at: milliseconds; the code counts until then.
        resend_at: milliseconds; not sent again before.
        sent: False for a decoy; never shown to the caller.
        message_id: of the outbox.
        resent: it is the same code as before, sent once more.
    """

    verification_id: str
    expires_at: int
    resend_at: int
    sent: bool
    message_id: str = ""
    resent: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """The code was right; it works never again."""

    verification_id: str
    number: str
    purpose: Purpose
    subject: str | None
    tenant: str


@dataclass(frozen=True, slots=True)
class Preview:
    """The text as it would be sent, with `000000` for the code."""

    text: str
    locale: str
    encoding: str
    segments: int
    characters: int
