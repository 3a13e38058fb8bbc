"""Pseudonyms: what an entry holds instead of personal data, and whom each stands for.

A pseudonym is random and stands for one value of one person: the address that an admin
came from and the same address of somebody else have two. What it stands for is kept in
a table of its own, sealed with the server key. Deleting the rows of a person erases them
from every entry at once, and no entry changes.

Which values are personal is known by the name of the field; e-mail addresses and phone
numbers inside other texts are found by their shape.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, or_, select

from enum_backend.audit.model import MAX_DESCRIPTION, MAX_VALUE, AuditEvent, Value
from enum_backend.clock import now_ms
from enum_backend.storage import Sealer
from enum_backend.storage.sealing import SealBroken
from enum_backend.storage.tables import audit_people
from enum_backend.storage.upsert import insert_or_ignore

PREFIX: Final = "anon_"

_PSEUDONYM = re.compile(PREFIX + "[0-9a-f]{20}", re.ASCII)
_SHAPES = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+|(?<![\w+])\+\d{6,15}(?!\w)", re.ASCII
)
_IDS: Final = ("adminId", "targetUserId", "userId")
_WHOLE: Final = re.compile(r"(.*[a-z])?(Email|email|Phone|phone|PhoneNumber|phoneNumber)|ip|number")
_PROGRAM = re.compile(r"key_\w{1,32}|cli|console|system", re.ASCII)
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Covered:
    """An event without personal data."""

    description: str
    user_id: str | None
    metadata: Mapping[str, Value]


def cover(connection: Connection, sealer: Sealer, event: AuditEvent) -> Covered:
    """Put pseudonyms for the personal values of an event; new ones are made."""
    metadata = {
        key: _clean(value, MAX_VALUE) if isinstance(value, str) else value
        for key, value in event.metadata.items()
    }
    description = _clean(event.description, MAX_DESCRIPTION)
    user_id = None if event.user_id is None else _clean(event.user_id, MAX_VALUE)
    owners = _owners(user_id, metadata)
    texts = [description, *(value for value in metadata.values() if isinstance(value, str))]
    for text in texts:
        for found in _SHAPES.findall(text):
            owners.setdefault(found, found)
    if not owners:
        return Covered(description, user_id, metadata)
    names = _named(connection, sealer, owners)
    put = _replacer(names)
    return Covered(
        description=put(description),
        user_id=None if user_id is None else names.get(user_id, user_id),
        metadata={
            key: names.get(value) or put(value) if isinstance(value, str) else value
            for key, value in metadata.items()
        },
    )


def uncovered(connection: Connection, sealer: Sealer, texts: Iterable[str]) -> Callable[[str], str]:
    """A function that puts back what the pseudonyms in `texts` stand for, if not erased."""
    wanted = sorted({name for text in texts for name in _PSEUDONYM.findall(text)})
    known: dict[str, str] = {}
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        query = select(audit_people.c.pseudonym, audit_people.c.value)
        for name, sealed in connection.execute(query.where(audit_people.c.pseudonym.in_(part))):
            with contextlib.suppress(SealBroken):  # of another server key
                known[name] = sealer.open(sealed, name)
    return lambda text: _PSEUDONYM.sub(lambda found: known.get(found[0], found[0]), text)


def erase(connection: Connection, sealer: Sealer, identifiers: Iterable[str]) -> int:
    """Forget what is kept of a person; returns how many values that were.

    Args:
        identifiers: the user id, which takes along the addresses and numbers that were
            recorded with it; e-mail addresses, phone numbers and client addresses are
            erased wherever they stand.
    """
    digests = [_digest(sealer, value) for value in identifiers if value]
    table = audit_people.c
    gone = connection.execute(
        delete(audit_people).where(or_(table.person.in_(digests), table.value_digest.in_(digests)))
    )
    return gone.rowcount


def names_of(connection: Connection, sealer: Sealer, value: str) -> list[str]:
    """The pseudonyms of a value."""
    query = select(audit_people.c.pseudonym).where(
        audit_people.c.value_digest == _digest(sealer, value)
    )
    return list(connection.execute(query).scalars())


def _owners(user_id: str | None, metadata: Mapping[str, Value]) -> dict[str, str]:
    """Personal value -> whom it belongs to: a user id where one is known, else itself.

    What an admin's entry names besides the admin and the target is nobody's of the two.
    """
    owners: dict[str, str] = {}
    personal = dict(_personal(metadata))
    admin, target = personal.get("adminId"), personal.get("targetUserId")
    if user_id is not None and _PROGRAM.fullmatch(user_id) is None:
        owners[user_id] = user_id
    acting = None if metadata.get("adminId") else user_id
    for key, value in personal.items():
        if key in _IDS:
            owners[value] = value
        elif key.startswith("target"):
            owners[value] = target or value
        elif key.startswith("admin") or (key == "ip" and admin):
            owners[value] = admin or value
        else:
            owners.setdefault(value, acting or value)
    return owners


def _personal(metadata: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    for key, value in metadata.items():
        if not isinstance(value, str) or not value or _PROGRAM.fullmatch(value):
            continue
        if key in _IDS or _WHOLE.fullmatch(key):
            yield key, value


def _named(connection: Connection, sealer: Sealer, owners: Mapping[str, str]) -> dict[str, str]:
    """Value -> its pseudonym."""
    wanted = sorted(
        (_digest(sealer, person), _digest(sealer, value), value) for value, person in owners.items()
    )
    names = {}
    # In one order everywhere, so that two transactions never wait for each other.
    for person, digest, value in wanted:
        name = _find(connection, person, digest)
        if name is None:
            fresh = PREFIX + secrets.token_hex(10)
            row = {
                "pseudonym": fresh,
                "person": person,
                "value_digest": digest,
                "value": sealer.seal(value, fresh),
                "created_at": now_ms(),
            }
            if connection.execute(insert_or_ignore(audit_people).values(**row)).rowcount:
                name = fresh
            else:
                name = _find(connection, person, digest) or fresh
        names[value] = name
    return names


def _find(connection: Connection, person: bytes, digest: bytes) -> str | None:
    query = select(audit_people.c.pseudonym).where(
        audit_people.c.person == person, audit_people.c.value_digest == digest
    )
    return connection.execute(query).scalar()


def _replacer(names: Mapping[str, str]) -> Callable[[str], str]:
    longest = sorted(names, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)")
    return lambda text: pattern.sub(lambda found: names[found[0]], text)


def _digest(sealer: Sealer, value: str) -> bytes:
    return sealer.digest("audit person", value.lower() if "@" in value else value)


def _clean(value: str, longest: int) -> str:
    """What both databases store: no NUL, no half of a surrogate pair, not too long."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode()[:longest]
