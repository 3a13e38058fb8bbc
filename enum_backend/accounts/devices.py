"""Device tokens: a browser or program that an account has logged in from before.

A token is signed, not stored, so that asking whether it counts costs no query. It opens
nothing: what it buys is a count of failures of its own (see `guard.py`; the idea is
OWASP's "device cookies").
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import Final

from enum_backend.clock import now_ms
from enum_backend.storage import Sealer

LIFE_SECONDS: Final = 365 * 86400
MAX_TOKEN: Final = 160


def issue(sealer: Sealer, account: str) -> str:
    """A new token for an account (its e-mail address, normalised)."""
    name, made = secrets.token_hex(8), f"{now_ms() // 1000:x}"
    return f"{name}.{made}.{_signature(sealer, account, name, made)}"


def name_of(sealer: Sealer, account: str, token: str) -> str | None:
    """The name in a token of this account; None = it is none, or over."""
    name, _, rest = token[:MAX_TOKEN].partition(".")
    made, _, signature = rest.partition(".")
    good = hmac.compare_digest(
        _signature(sealer, account, name, made).encode(), signature.encode("utf-8", "replace")
    )
    if not good or now_ms() // 1000 - int(made, 16) > LIFE_SECONDS:
        return None
    return name


def _signature(sealer: Sealer, account: str, name: str, made: str) -> str:
    digest = sealer.digest("device", account, name, made)
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")
