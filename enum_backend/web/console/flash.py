"""A sentence for the next page: carried by a cookie, shown once.

It is signed with the session's form token, so that nobody else puts words there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from aiohttp import web

Kind = Literal["ok", "warn", "bad"]

COOKIE: Final = "eb_said"
MAX_CHARACTERS: Final = 600
SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Said:
    """What a page shows on top."""

    kind: Kind
    text: str


def put(response: web.Response, secret: str, kind: Kind, text: str) -> None:
    """Give the sentence to the browser."""
    words = f"{kind} {text[:MAX_CHARACTERS]}".encode()
    value = base64.urlsafe_b64encode(_tag(secret, words) + words).decode("ascii").rstrip("=")
    response.set_cookie(
        COOKIE, value, path="/admin", max_age=SECONDS, httponly=True, samesite="Strict"
    )


def take(request: web.Request, secret: str) -> Said | None:
    """The sentence that the browser brings, if it is one of ours."""
    value = request.cookies.get(COOKIE, "")
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    tag, words = raw[:32], raw[32:]
    if not hmac.compare_digest(tag, _tag(secret, words)):
        return None
    kind, _, text = words.decode().partition(" ")
    return Said(cast(Kind, kind), text) if kind in get_args(Kind) else None


def clear(response: web.Response) -> None:
    """It was shown."""
    response.del_cookie(COOKIE, path="/admin")


def _tag(secret: str, words: bytes) -> bytes:
    return hmac.digest(f"said {secret}".encode(), words, hashlib.sha256)
