"""Phones and second factors of users, whichever directory they are from.

Functions of a connection; those that end in `_in` and change something belong into the
transaction of the flow that calls them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from enum_backend.accounts import authenticator, backup_codes
from enum_backend.accounts.directory import Person
from enum_backend.accounts.model import Factor, User
from enum_backend.clock import now_ms
from enum_backend.storage import Sealer
from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import user_factors
from enum_backend.storage.upsert import insert_or_ignore

_NOTHING: Final[dict[str, Any]] = {column.name: None for column in user_factors.columns}


@dataclass(frozen=True, slots=True)
class Factors:
    """One user's row.

    Attributes:
        phone: verified; pending_phone: waits to be.
        phone_verification, sms_verification: ids of the codes under way.
        sms_at, totp_at: since when the factor counts, milliseconds.
        sessions_after: sessions proved before are over, milliseconds.
    """

    user_id: str
    phone: str | None
    pending_phone: str | None
    phone_verification: str | None
    sms_verification: str | None
    sms_at: int | None
    totp_at: int | None
    sessions_after: int
    last_login_at: int | None
    backup_codes: int = 0

    @classmethod
    def nothing(cls, user_id: str) -> Factors:
        """Of somebody who has none."""
        return _factors(None, user_id, 0)

    @property
    def methods(self) -> tuple[Factor, ...]:
        """The second factors a login can use."""
        found = [Factor.TOTP] if self.totp_at else []
        if self.sms_at and self.phone:
            found.append(Factor.SMS)
        if self.backup_codes and found:
            found.append(Factor.BACKUP_CODE)
        return tuple(found)

    def user(self, person: Person) -> User:
        """The person with these factors."""
        return User(
            id=person.id,
            email=person.email,
            is_admin=person.is_admin,
            phone=self.phone or self.pending_phone,
            phone_verified=self.phone is not None,
            pending_phone=self.pending_phone,
            two_factor=bool(self.sms_at or self.totp_at),
            sms=self.sms_at is not None,
            totp=self.totp_at is not None,
            backup_codes=self.backup_codes,
            created_at=person.created_at,
            disabled_at=person.disabled_at,
            last_login_at=self.last_login_at,
        )


def of_user(connection: Connection, user_id: str) -> Factors:
    """The row of a user; an empty one where there is none."""
    query = select(user_factors).where(user_factors.c.user_id == user_id)
    row = connection.execute(query).first()
    return _factors(row, user_id, backup_codes.left_in(connection, user_id))


def of_users(connection: Connection, user_ids: list[str]) -> dict[str, Factors]:
    """The same of several, without counting backup codes."""
    rows = connection.execute(select(user_factors).where(user_factors.c.user_id.in_(user_ids)))
    found = {row.user_id: _factors(row, row.user_id, 0) for row in rows}
    return {user_id: found.get(user_id) or Factors.nothing(user_id) for user_id in user_ids}


def owner_of(connection: Connection, number: str) -> str | None:
    """The id of the user whose verified phone it is."""
    query = select(user_factors.c.user_id).where(user_factors.c.phone == number)
    return connection.execute(query).scalar()


def set_in(connection: Connection, user_id: str, **values: Any) -> None:
    """Change a user's row; it is made if there is none."""
    connection.execute(insert_or_ignore(user_factors).values(user_id=user_id))
    connection.execute(
        update(user_factors).where(user_factors.c.user_id == user_id).values(**values)
    )


def take_phone_in(
    connection: Connection, user_id: str, number: str, *, move: bool = False
) -> str | None:
    """Make a number this user's verified phone.

    Args:
        move: also when it is another user's, who then has none and no codes by SMS.

    Returns:
        Whose it is (was, with `move`); None = nobody else's.
    """
    serialize(connection, f"phone {number}")
    owner = owner_of(connection, number)
    other = owner if owner != user_id else None
    if other is not None and not move:
        return other
    if other is not None:
        drop_phone_in(connection, other)
    set_in(
        connection,
        user_id,
        phone=number,
        phone_verified_at=now_ms(),
        pending_phone=None,
        phone_verification=None,
    )
    return other


def drop_phone_in(connection: Connection, user_id: str) -> None:
    """Forget a user's number, and codes to it as a second factor."""
    set_in(
        connection,
        user_id,
        phone=None,
        phone_verified_at=None,
        pending_phone=None,
        phone_verification=None,
        sms_at=None,
        sms_verification=None,
    )


def confirm_sms_in(connection: Connection, user_id: str, number: str) -> bool:
    """Let codes to a number count; False = it is not the user's verified phone any more."""
    confirmed = connection.execute(
        update(user_factors)
        .where(user_factors.c.user_id == user_id, user_factors.c.phone == number)
        .values(sms_at=now_ms(), sms_verification=None)
    )
    return confirmed.rowcount == 1


def enrol_totp_in(connection: Connection, sealer: Sealer, user_id: str, secret: str) -> None:
    """Keep a secret that is not confirmed yet."""
    set_in(connection, user_id, totp_pending=sealer.seal(secret, _sealed_to(user_id)))


def confirm_totp_in(connection: Connection, sealer: Sealer, user_id: str, code: str) -> bool:
    """Let the new secret count, once a code of it is shown; False = it is none of it."""
    query = select(user_factors.c.totp_pending).where(user_factors.c.user_id == user_id)
    sealed = connection.execute(query.with_for_update()).scalar()
    if sealed is None:
        return False
    step = authenticator.step_of(sealer.open(sealed, _sealed_to(user_id)), code)
    if step is None:
        return False
    set_in(
        connection,
        user_id,
        totp_secret=sealed,
        totp_pending=None,
        totp_at=now_ms(),
        totp_step=step,
    )
    return True


def use_totp_in(connection: Connection, sealer: Sealer, user_id: str, code: str) -> bool:
    """Use a code up: one of the same or an earlier time step is refused afterwards."""
    query = select(user_factors.c.totp_secret).where(
        user_factors.c.user_id == user_id, user_factors.c.totp_at.is_not(None)
    )
    sealed = connection.execute(query).scalar()
    if sealed is None:
        return False
    step = authenticator.step_of(sealer.open(sealed, _sealed_to(user_id)), code)
    if step is None:
        return False
    used = connection.execute(
        update(user_factors)
        .where(user_factors.c.user_id == user_id, user_factors.c.totp_step < step)
        .values(totp_step=step)
    )
    return used.rowcount == 1


def use_backup_code_in(
    connection: Connection, sealer: Sealer, user_id: str, code: str
) -> int | None:
    """Use a backup code up; how many are left, None = it is none."""
    if not backup_codes.use_in(connection, sealer, user_id, code):
        return None
    return backup_codes.left_in(connection, user_id)


def drop_totp_in(connection: Connection, user_id: str) -> None:
    """Forget the authenticator app."""
    set_in(connection, user_id, totp_secret=None, totp_pending=None, totp_at=None, totp_step=None)


def drop_all_in(connection: Connection, user_id: str) -> None:
    """Switch the second factor off: SMS, authenticator app and backup codes."""
    drop_totp_in(connection, user_id)
    set_in(connection, user_id, sms_at=None, sms_verification=None)
    backup_codes.delete_in(connection, user_id)


def _factors(row: Row[Any] | None, user_id: str, codes: int) -> Factors:
    values = _NOTHING if row is None else row._mapping
    return Factors(
        user_id=user_id,
        phone=values["phone"],
        pending_phone=values["pending_phone"],
        phone_verification=values["phone_verification"],
        sms_verification=values["sms_verification"],
        sms_at=values["sms_at"],
        totp_at=values["totp_at"],
        sessions_after=values["sessions_after"] or 0,
        last_login_at=values["last_login_at"],
        backup_codes=codes,
    )


def _sealed_to(user_id: str) -> str:
    return f"totp of {user_id}"
