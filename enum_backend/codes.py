"""One-time codes that are derived, not stored."""

from __future__ import annotations

import hashlib
import secrets

from enum_backend.storage import Sealer

DIGITS = 6
SALT_OCTETS = 16

_LEAST = 10 ** (DIGITS - 1)
"""No code begins with 0: some programs read it as a number and lose it."""
_CODES = 9 * _LEAST
_FAIR = 2**32 - 2**32 % _CODES
"""Words below this give every code equally often; others are drawn again."""


def new_salt() -> bytes:
    """What makes two codes of the same thing differ; no secret."""
    return secrets.token_bytes(SALT_OCTETS)


def derive_code(sealer: Sealer, purpose: str, subject: str, salt: bytes) -> str:
    """100000 to 999999 for a subject (an id) and a salt; the same each time.

    Only the server key turns them into the code, so what is stored tells nothing,
    and a repeat of the message holds the same code.
    """
    digest = sealer.digest("code", purpose, subject, salt.hex())
    while True:
        for start in range(0, len(digest), 4):
            word = int.from_bytes(digest[start : start + 4], "big")
            if word < _FAIR:
                return str(_LEAST + word % _CODES)
        digest = hashlib.sha256(digest).digest()  # all eight: once in 10^35 times
