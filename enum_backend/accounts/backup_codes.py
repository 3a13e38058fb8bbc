"""Backup codes: ten, shown once, each good for one login.

50 random bits each, so a keyed hash keeps them as safe as argon2 would, and finding one
is one indexed look-up.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from enum_backend.clock import now_ms
from enum_backend.storage import Sealer
from enum_backend.storage.tables import backup_codes

COUNT: Final = 10

_LETTERS: Final = "023456789abcdefghjkmnpqrstuvwxyz"
"""32 characters, without those that are easily misread: `1 i l o`."""
_LENGTH: Final = 10
_IGNORED: Final = re.compile(r"[\s-]+")


def replace_in(connection: Connection, sealer: Sealer, user_id: str) -> list[str]:
    """Ten new codes, `xxxxx-xxxxx`; the former ones end."""
    delete_in(connection, user_id)
    codes: dict[bytes, str] = {}
    while len(codes) < COUNT:
        code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        codes[_digest(sealer, user_id, code)] = f"{code[:5]}-{code[5:]}"
    rows = [{"user_id": user_id, "digest": digest} for digest in codes]
    connection.execute(insert(backup_codes), rows)
    return list(codes.values())


def use_in(connection: Connection, sealer: Sealer, user_id: str, code: str) -> bool:
    """Use a code up; False = it is none, or was used before.

    Whoever changes the row first has used it, however many try at once.
    """
    query = (
        update(backup_codes)
        .where(
            backup_codes.c.user_id == user_id,
            backup_codes.c.digest == _digest(sealer, user_id, code),
            backup_codes.c.used_at.is_(None),
        )
        .values(used_at=now_ms())
    )
    return connection.execute(query).rowcount == 1


def left_in(connection: Connection, user_id: str) -> int:
    """How many are left."""
    query = (
        select(func.count())
        .select_from(backup_codes)
        .where(backup_codes.c.user_id == user_id, backup_codes.c.used_at.is_(None))
    )
    return connection.execute(query).scalar_one()


def delete_in(connection: Connection, user_id: str) -> None:
    """End them all."""
    connection.execute(delete(backup_codes).where(backup_codes.c.user_id == user_id))


def _digest(sealer: Sealer, user_id: str, code: str) -> bytes:
    """Of the code as typed: blanks, hyphens and capitals do not matter; `o` is `0`."""
    plain = _IGNORED.sub("", code).lower().replace("o", "0")
    return sealer.digest("backup code", user_id, plain)
