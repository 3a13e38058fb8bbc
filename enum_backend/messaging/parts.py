"""Parts of long messages, kept as they come until the message is whole.

For providers that leave the joining to us. Parts come in any order, over restarts and
at any process; each is stored once. What is not whole in time is released as it is.

Functions of a connection inside a transaction that holds the lock `inbox`: of two parts
that come at once, the second must see the first.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from enum_backend.gateways.webhooks.base import InboundSms, SmsPart
from enum_backend.gateways.webhooks.parts import group_of, joined
from enum_backend.storage import Sealer
from enum_backend.storage.sealing import SealBroken
from enum_backend.storage.tables import inbox_parts

KEEP_MS = 7 * 86400 * 1000
"""How long joined parts are remembered, to recognise what a provider repeats."""

GAP = " [...] "
"""Stands where parts never came."""


@dataclass(frozen=True, slots=True)
class Group:
    """Parts whose message can go into the inbox.

    Attributes:
        gateway, provider: names of whose calls they came with.
    """

    gateway: str
    provider: str
    group_key: str
    group_id: str
    sms: InboundSms


def add(
    connection: Connection,
    sealer: Sealer,
    gateway: str,
    provider: str,
    sms: InboundSms,
    *,
    now: int,
    timeout_ms: int,
) -> Group | None:
    """Keep a part that is not kept yet; the whole message if it was the last one missing.

    Networks use references again: a second part of the same place begins another
    message, and a group that has waited for longer than the time-out takes no more.
    """
    part = sms.part
    if part is None:
        raise ValueError("not a part")
    key = _group_key(gateway, sms)
    group = _open_group(connection, key, part.number, now - timeout_ms)
    group_id = group[0].group_id if group else f"grp_{secrets.token_hex(12)}"
    connection.execute(
        insert(inbox_parts).values(
            gateway=gateway,
            provider=provider,
            dedupe_key=sms.dedupe_key,
            group_key=key,
            group_id=group_id,
            place=part.number,
            total=part.total,
            content=sealer.seal(json.dumps(asdict(sms)), _bound_to(gateway, sms.dedupe_key)),
            received_at=now,
        )
    )
    whole = joined([*_opened(sealer, group), sms])
    return None if whole is None else Group(gateway, provider, key, group_id, whole)


def find(connection: Connection, gateway: str, dedupe_key: str) -> Row[Any] | None:
    """A part that came before; its `inbox_id` is None while its message is not complete."""
    return connection.execute(
        select(inbox_parts.c.inbox_id).where(
            inbox_parts.c.gateway == gateway, inbox_parts.c.dedupe_key == dedupe_key
        )
    ).first()


def close(connection: Connection, group: Group, inbox_id: str) -> None:
    """The message of a group is in the inbox: from now on its parts are only remembered."""
    connection.execute(
        update(inbox_parts)
        .where(
            inbox_parts.c.group_key == group.group_key,
            inbox_parts.c.inbox_id.is_(None),
            inbox_parts.c.group_id == group.group_id,
        )
        .values(inbox_id=inbox_id, content=None)
    )


def timed_out(connection: Connection, sealer: Sealer, before: int, limit: int) -> list[Group]:
    """Groups whose first part came before a time, as messages with gaps."""
    open_rows = inbox_parts.c.inbox_id.is_(None)
    late = connection.execute(
        select(inbox_parts.c.group_key, inbox_parts.c.group_id)
        .where(open_rows)
        .group_by(inbox_parts.c.group_key, inbox_parts.c.group_id)
        .having(func.min(inbox_parts.c.received_at) <= before)
        .limit(limit)
    ).all()
    found = []
    for key, group_id in late:
        rows = connection.execute(
            select(inbox_parts)
            .where(inbox_parts.c.group_key == key, open_rows, inbox_parts.c.group_id == group_id)
            .order_by(inbox_parts.c.place)
        ).all()
        if parts := _opened(sealer, rows):
            first = rows[0]
            found.append(Group(first.gateway, first.provider, key, group_id, _with_gaps(parts)))
    return found


def forget(connection: Connection, now: int) -> None:
    """Drop what was joined long ago."""
    connection.execute(
        delete(inbox_parts).where(
            inbox_parts.c.received_at < now - KEEP_MS, inbox_parts.c.inbox_id.is_not(None)
        )
    )


def _open_group(connection: Connection, key: str, place: int, since: int) -> Sequence[Row[Any]]:
    """The parts of the oldest open group that lacks this place; empty = none does."""
    rows = connection.execute(
        select(inbox_parts)
        .where(inbox_parts.c.group_key == key, inbox_parts.c.inbox_id.is_(None))
        .order_by(inbox_parts.c.id)
    )
    groups: dict[str, list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault(row.group_id, []).append(row)
    for group in groups.values():
        if group[0].received_at > since and all(row.place != place for row in group):
            return group
    return ()


def _group_key(gateway: str, sms: InboundSms) -> str:
    common = json.dumps([gateway, group_of(sms)])
    return hashlib.sha256(common.encode()).hexdigest()


def _opened(sealer: Sealer, rows: Sequence[Row[Any]]) -> list[InboundSms]:
    """The parts that open with this server key; the others stay for the day it returns."""
    found = []
    for row in rows:
        try:
            text = sealer.open(row.content, _bound_to(row.gateway, row.dedupe_key))
        except SealBroken:
            continue
        values = json.loads(text)
        part, media = SmsPart(**values.pop("part")), tuple(values.pop("media"))
        found.append(InboundSms(**values, part=part, media=media))
    return found


def _bound_to(gateway: str, dedupe_key: str) -> str:
    return f"{gateway}:{dedupe_key}"


def _with_gaps(parts: Sequence[InboundSms]) -> InboundSms:
    """One message of what came, in order of place; a gap is marked once, however long."""
    texts: list[str] = []
    expected = 1
    for sms in parts:
        part = sms.part or SmsPart("", expected, expected)
        if part.number > expected:
            texts.append(GAP)
        texts.append(sms.text)
        expected = part.number + 1
    if (last := parts[-1].part) is not None and expected <= last.total:
        texts.append(GAP)
    return replace(
        parts[0],
        text="".join(texts).strip(),
        segments=len(parts),
        media=tuple(item for sms in parts for item in sms.media),
        part=None,
    )
