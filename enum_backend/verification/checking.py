"""Checking a code, inside one transaction: count, compare, use up.

Whether there is a verification or not, the same statements run and the same hash is
made; the statements of a success come on top of them.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection

from enum_backend.verification import store
from enum_backend.verification.fraud import counts, decisions
from enum_backend.verification.store import NOBODYS, Bound, Codes, Verification


class Outcome(StrEnum):
    """What came of a check."""

    APPROVED = "approved"
    INVALID = "invalid"
    EXPIRED = "expired"
    TOO_MANY = "too_many_attempts"


@dataclass(frozen=True, slots=True)
class Claim:
    """A code, and what it is said to belong to.

    Attributes:
        verification_id: None = the newest of number, purpose, subject and tenant, which
            are all given then.
        purpose, number, tenant: None = any.
        subject: None = none.
    """

    code: str = field(repr=False)
    verification_id: str | None
    purpose: str | None
    number: str | None
    subject: str | None
    tenant: str | None

    def fits(self, found: Verification) -> bool:
        """Whether a verification is what the claim says."""
        return (
            self.purpose in (None, found.purpose)
            and self.number in (None, found.number)
            and self.tenant in (None, found.tenant)
            and self.subject == found.subject
        )


def redeem(
    connection: Connection, claim: Claim, codes: Codes, now: int
) -> tuple[Outcome, Verification]:
    """Use a code up; `NOBODYS` where the claim fits nothing.

    The attempt is counted before the code is compared. A transaction that fails after
    that counts nothing, but then nobody has learned anything either.
    """
    found = find(connection, claim)
    counted = store.count_attempt(connection, found, now)
    right = hmac.compare_digest(codes.of(found).encode(), claim.code.encode("utf-8", "replace"))
    if not counted:
        return _why_not(connection, found, now), found
    if not right or found.decoy or not store.use_up(connection, found, now):
        return Outcome.INVALID, found
    _count_verified(connection, found, now)
    return Outcome.APPROVED, found


def find(connection: Connection, claim: Claim) -> Verification:
    """What a claim is about, `NOBODYS` where it fits nothing."""
    if claim.verification_id is not None:
        found = store.find(connection, claim.verification_id)
        return found if claim.fits(found) else NOBODYS
    bound = Bound(
        tenant=claim.tenant or "",
        client="",
        purpose=claim.purpose or "",
        number=claim.number or "",
        subject=claim.subject,
        anonymous=False,
        decoy=False,
        is_test=False,
    )
    return store.latest(connection, bound)


def _why_not(connection: Connection, found: Verification, now: int) -> Outcome:
    """As it is now: others may have used it up since it was looked for."""
    if found is not NOBODYS:
        found = store.find(connection, found.verification_id)
    if found is NOBODYS or found.used_at is not None:
        return Outcome.INVALID
    return Outcome.EXPIRED if found.expires_at <= now else Outcome.TOO_MANY


def _count_verified(connection: Connection, found: Verification, now: int) -> None:
    """Its messages are unused no more; each counts where it was asked for."""
    sent = decisions.of_verification(connection, found.verification_id)
    decisions.mark_verified(connection, found.verification_id, now)
    for place in dict.fromkeys(counts.place_of(item.number, item.ip) for item in sent):
        times = [item.created_at for item in sent if counts.place_of(item.number, item.ip) == place]
        counts.drain(connection, place, times)
    if sent:
        counts.add_verified(connection, counts.place_of(sent[-1].number, sent[-1].ip), now)
