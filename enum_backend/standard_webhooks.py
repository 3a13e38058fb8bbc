"""Signatures of webhooks as Standard Webhooks has them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

PREFIX: Final = "whsec_"
MIN_CHARACTERS = 32
"""Of a secret that is plain text."""
MIN_OCTETS, MAX_OCTETS = 24, 64
"""Of a `whsec_` secret, as the specification wants."""
TOLERANCE = 300
"""Seconds that a signed time may be off."""

_V1 = re.compile(r"v1,([A-Za-z0-9+/=]+)", re.ASCII)


def new_secret() -> str:
    """A random `whsec_` secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def check_secret(secret: str) -> None:
    """Refuse what is no secret to sign with.

    Raises:
        ValueError: neither `whsec_` and 24 to 64 octets in base64, nor 32 characters
            or more.
    """
    if not secret.startswith(PREFIX):
        if len(secret) < MIN_CHARACTERS:
            raise ValueError(f"expected {PREFIX}... or at least {MIN_CHARACTERS} characters")
        return
    try:
        octets = len(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
    except (binascii.Error, ValueError):
        octets = 0
    if not MIN_OCTETS <= octets <= MAX_OCTETS:
        raise ValueError(f"expected {MIN_OCTETS} to {MAX_OCTETS} octets in base64 after {PREFIX}")


def signed_headers(
    message_id: str, at: int, body: bytes, secrets_: Sequence[str]
) -> dict[str, str]:
    """The three headers of a webhook.

    Args:
        message_id: the same for every repeat, so that receivers know one.
        at: seconds since 1970, of this attempt.
        secrets_: every valid one; more than one during a rotation. There is a
            signature for each, and receivers take any.
    """
    signed = f"{message_id}.{at}.".encode() + body
    keys = dict.fromkeys(key for secret in secrets_ for key in _keys(secret))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(_signature(key, signed) for key in keys),
    }


def is_signed(headers: Mapping[str, str], body: bytes, secrets_: Sequence[str], now: float) -> bool:
    """Whether one of the secrets signed this body, not long ago.

    Args:
        headers: by lower-case name. Signatures stand apart by blanks, or by commas
            and blanks as Supabase writes them.
        now: seconds since 1970.
    """
    message_id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not re.fullmatch(r"[0-9]{1,12}", at, re.ASCII):
        return False
    signed = f"{message_id}.{at}.".encode("utf-8", "surrogatepass") + body
    given = _V1.findall(headers.get("webhook-signature", ""))
    valid = False
    for key in (key for secret in secrets_ for key in _keys(secret)):
        wanted = _signature(key, signed).removeprefix("v1,")
        for signature in given:
            valid |= hmac.compare_digest(wanted, signature)
    return valid and abs(now - int(at)) <= TOLERANCE


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _keys(secret: str) -> list[bytes]:
    """The key of a `whsec_` secret; both readings of a plain one.

    A receiver that hands a plain secret to a Standard Webhooks library has it decoded
    as base64, one that computes the HMAC itself takes it as it is.
    """
    if secret.startswith(PREFIX):
        return [base64.b64decode(secret.removeprefix(PREFIX))]
    keys = [secret.encode()]
    try:
        decoded = base64.b64decode(secret + "==")
    except (binascii.Error, ValueError):
        return keys
    return [*keys, decoded] if len(decoded) >= MIN_OCTETS else keys
