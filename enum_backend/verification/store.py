"""Verifications in the database: found, made, counted, used up.

Functions of a connection inside a transaction.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from enum_backend.codes import derive_code, new_salt
from enum_backend.storage import Sealer
from enum_backend.storage.tables import outbox, verifications

LIFE_MS: Final = 600_000
MAX_ATTEMPTS: Final = 3
CLOSED: Final = 99
"""`attempts` of a code whose message is not accepted yet: no check compares it."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a code is bound to, and how it is treated."""

    tenant: str
    client: str
    purpose: str
    number: str
    subject: str | None
    anonymous: bool
    decoy: bool
    is_test: bool


@dataclass(frozen=True, slots=True)
class Wording:
    """How its message reads."""

    app_name: str
    locale: str
    domain: str | None
    android_hash: str | None


@dataclass(frozen=True, slots=True)
class Verification:
    """One code; times in milliseconds.

    Attributes:
        id: 0 = there is none, and nothing about it is true.
    """

    id: int
    verification_id: str
    tenant: str
    client: str
    purpose: str
    number: str
    subject: str | None
    salt: bytes = field(repr=False)
    app_name: str
    locale: str
    domain: str | None
    android_hash: str | None
    anonymous: bool
    decoy: bool
    is_test: bool
    attempts: int
    sends: int
    resend_at: int
    created_at: int
    expires_at: int
    used_at: int | None

    def is_open(self, now: int) -> bool:
        """Whether a right code would be accepted."""
        return self.used_at is None and self.expires_at > now and self.attempts < MAX_ATTEMPTS


NOBODYS: Final = Verification(
    id=0,
    verification_id="ver_000000000000000000000000",
    tenant="",
    client="",
    purpose="",
    number="",
    subject=None,
    salt=bytes(16),
    app_name="",
    locale="",
    domain=None,
    android_hash=None,
    anonymous=False,
    decoy=True,
    is_test=False,
    attempts=0,
    sends=0,
    resend_at=0,
    created_at=0,
    expires_at=0,
    used_at=None,
)
"""Stands for one that is not there, so that looking for it is as much work."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Which code a verification has.

    Attributes:
        test_code: of every test number; empty = as for all others.
    """

    sealer: Sealer = field(repr=False)
    test_code: str = field(default="", repr=False)

    def of(self, found: Verification) -> str:
        """Six digits, the same each time."""
        code = derive_code(self.sealer, "verification", found.verification_id, found.salt)
        return self.test_code if found.is_test and self.test_code else code


def new_id() -> str:
    """An id that nobody can guess."""
    return f"ver_{secrets.token_hex(12)}"


def find(connection: Connection, verification_id: str) -> Verification:
    """One verification, `NOBODYS` if there is none."""
    return _first(connection, verifications.c.verification_id == verification_id)


def latest(connection: Connection, bound: Bound) -> Verification:
    """The newest verification with the same number, purpose, tenant and subject, or `NOBODYS`."""
    subject = verifications.c.subject
    return _first(
        connection,
        (verifications.c.number == bound.number)
        & (verifications.c.purpose == bound.purpose)
        & (verifications.c.tenant == bound.tenant)
        & (subject.is_(None) if bound.subject is None else subject == bound.subject),
    )


def _first(connection: Connection, which: Any) -> Verification:
    row = connection.execute(
        select(verifications).where(which).order_by(verifications.c.id.desc()).limit(1)
    ).first()
    return NOBODYS if row is None else _verification(row)


def add(
    connection: Connection, bound: Bound, wording: Wording, now: int, *, sends: int, resend_at: int
) -> str:
    """A new verification, closed until `open_`; its id.

    Args:
        sends: 1, and one more for each sending of the code it replaces: the pause grows on.
    """
    verification_id = new_id()
    connection.execute(
        insert(verifications).values(
            verification_id=verification_id,
            salt=new_salt(),
            attempts=CLOSED,
            sends=sends,
            resend_at=resend_at,
            created_at=now,
            expires_at=now + LIFE_MS,
            **asdict(bound),
            **asdict(wording),
        )
    )
    return verification_id


def open_(connection: Connection, verification_id: str) -> None:
    """Its message is accepted: from now on its code is compared.

    A closed one only, in one statement: attempts that were made are never given back.
    """
    connection.execute(
        update(verifications)
        .where(
            verifications.c.verification_id == verification_id,
            verifications.c.attempts == CLOSED,
        )
        .values(attempts=0)
    )


def send_again(
    connection: Connection, found: Verification, wording: Wording, *, resend_at: int
) -> None:
    """The same code goes once more."""
    connection.execute(
        update(verifications)
        .where(verifications.c.id == found.id)
        .values(sends=verifications.c.sends + 1, resend_at=resend_at, **asdict(wording))
    )


def not_sent(connection: Connection, verification_id: str, before: Verification) -> None:
    """Undo the last `add` or `send_again`: nothing was sent.

    Args:
        before: what was there then; `NOBODYS` or another one = it was new.
    """
    which = verifications.c.verification_id == verification_id
    if before.verification_id != verification_id:
        connection.execute(delete(verifications).where(which))
        return
    connection.execute(
        update(verifications)
        .where(which)
        .values(sends=verifications.c.sends - 1, resend_at=before.resend_at)
    )


def count_attempt(connection: Connection, found: Verification, now: int) -> bool:
    """Take one of its attempts, in one statement; False = there is none to take."""
    taken = connection.execute(
        update(verifications)
        .where(
            verifications.c.id == found.id,
            verifications.c.attempts < MAX_ATTEMPTS,
            verifications.c.used_at.is_(None),
            verifications.c.expires_at > now,
        )
        .values(attempts=verifications.c.attempts + 1)
        .returning(verifications.c.id)
    ).first()
    return taken is not None


def use_up(connection: Connection, found: Verification, now: int) -> bool:
    """Use the code, in one statement; False = somebody has."""
    used = connection.execute(
        update(verifications)
        .where(verifications.c.id == found.id, verifications.c.used_at.is_(None))
        .values(used_at=now)
        .returning(verifications.c.id)
    ).first()
    return used is not None


def message_state(connection: Connection, verification_id: str) -> str | None:
    """The state of the last message that held the code; None = none was stored."""
    state: str | None = connection.execute(
        select(outbox.c.state)
        .where(outbox.c.verification_id == verification_id)
        .order_by(outbox.c.id.desc())
        .limit(1)
    ).scalar()
    return state


def prune(connection: Connection, before: int) -> int:
    """Forget those made before a time; how many."""
    return connection.execute(
        delete(verifications).where(verifications.c.created_at < before)
    ).rowcount


def _verification(row: Row[Any]) -> Verification:
    return Verification(**row._asdict())
