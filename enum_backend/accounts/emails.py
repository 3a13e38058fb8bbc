"""E-mail addresses, as accounts are found by them."""

from __future__ import annotations

from enum_backend.errors import wrong_field
from enum_backend.settings.smtp import mail_address

MAX_EMAIL = 254


def normal_email(text: str) -> str:
    """How an address is stored and looked up: without blanks around it, in small letters.

    RFC 5321 lets the part before `@` tell cases apart; no mail provider does, and two
    accounts that differ only by it would be a trap. What cannot be an address, and no
    database takes, becomes the empty text, which nobody has.
    """
    email = text.strip().lower()
    return email if email.isprintable() else ""


def checked_email(text: str) -> str:
    """The same, of an address that mail can be sent to.

    Raises:
        ValidationFailed: it is none.
    """
    email = normal_email(text)
    try:
        mail_address(email)
    except ValueError as error:
        raise wrong_field("email", str(error)) from None
    if "." not in email.rpartition("@")[2]:
        raise wrong_field("email", "expected a domain with a dot behind the @")
    return email
