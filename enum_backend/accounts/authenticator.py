"""Codes of an authenticator app: TOTP (RFC 6238), 6 digits, 30 seconds, SHA-1 as all apps do."""

from __future__ import annotations

import hmac
import io
import time
from dataclasses import dataclass, field
from typing import Final

import pyotp
import segno

STEP_SECONDS: Final = 30
DRIFT: Final = 1
"""Steps a clock may be off, to either side."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a user gives to the app.

    Attributes:
        secret: base32, to type in.
        uri: `otpauth://totp/...`.
        qr: the URI as an SVG image.
    """

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    qr: str = field(repr=False)


def enrolment(secret: str, email: str, issuer: str) -> Enrolment:
    """The secret in every form."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)
    image = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(
        image, kind="svg", scale=4, border=4, xmldecl=False, light="#fff", title="QR code"
    )
    return Enrolment(secret, uri, image.getvalue().decode("utf-8"))


def new_secret() -> str:
    """160 random bits, as RFC 4226 wants."""
    return pyotp.random_base32(32)


def step_of(secret: str, code: str, now: float | None = None) -> int | None:
    """Which time step a code belongs to; None = none near now. Every near one is compared.

    The caller refuses a step that is not behind the last one it took (RFC 6238, 5.2).
    """
    typed = "".join(code.split()).encode("utf-8", "replace")
    here = int(time.time() if now is None else now) // STEP_SECONDS
    generator = pyotp.TOTP(secret)
    found = None
    for step in range(here - DRIFT, here + DRIFT + 1):
        if hmac.compare_digest(generator.generate_otp(step).encode("ascii"), typed):
            found = step
    return found
