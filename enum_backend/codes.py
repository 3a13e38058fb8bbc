"""One-time codes that are derived, not stored."""

from __future__ import annotations

import hashlib
import secrets

from enum_backend.storage import Sealer

DIGITS = 6
SALT_OCTETS = 16

_CODES = 10**DIGITS
_FAIR = 2**32 - 2**32 % _CODES
"""Words below this give every code equally often; others are drawn again."""


def new_salt() -> bytes:
    """What makes two codes of the same thing differ; no secret."""
    return secrets.token_bytes(SALT_OCTETS)


def derive_code(sealer: Sealer, purpose: str, subject: str, salt: bytes) -> str:
    """Six digits for a subject (an id) and a salt; the same ones each time.

    Only the server key turns them into the code, so what is stored tells nothing,
    and a repeat of the message holds the same code.
    """
    digest = sealer.digest("code", purpose, subject, salt.hex())
    while True:
        for start in range(0, len(digest), 4):
            word = int.from_bytes(digest[start : start + 4], "big")
            if word < _FAIR:
                return f"{word % _CODES:0{DIGITS}}"
        digest = hashlib.sha256(digest).digest()  # once in 10^29 times
