"""Messages that were asked for before: by their key, or by caller, number and text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from enum_backend.errors import EnumBackendError, IdempotencyConflict
from enum_backend.messaging.drafts import Draft, idempotency_key
from enum_backend.messaging.model import Accepted, MessageState, SendRequest, from_micros
from enum_backend.storage.tables import outbox

NOT_ARRIVED = (
    MessageState.FAILED,
    MessageState.EXPIRED,
    MessageState.UNDELIVERED,
    MessageState.CANCELED,
)
"""States in which the same text may be asked for again at once."""


def earlier(
    connection: Connection,
    request: SendRequest,
    request_hash: bytes,
    repeat_hash: bytes | None,
    now: int,
) -> Accepted | None:
    """The message that a request repeats, by its key or by its text; None = it is new.

    Raises:
        IdempotencyConflict: its key stands for another message.
    """
    key = idempotency_key(request)
    if key is not None:
        row = connection.execute(
            select(outbox).where(outbox.c.client == key[0], outbox.c.idempotency_key == key[1])
        ).first()
        if row is not None and row.request_hash != request_hash:
            raise IdempotencyConflict
        return None if row is None else _as_repeat(row)
    if repeat_hash is None:
        return None
    since = now - int(request.repeat_window * 1000)
    rows = connection.execute(_same_text([repeat_hash], since)).all()
    return _as_repeat(rows[-1]) if rows else None


def repeated(connection: Connection, draft: Draft, now: int) -> Accepted | None:
    """The message of the same caller, number and text that the draft repeats; None = none."""
    found = Earlier(connection, [draft], now).of(draft)
    return found if isinstance(found, Accepted) else None


class Earlier:
    """The messages that the drafts of a batch may repeat: stored ones and each other."""

    def __init__(self, connection: Connection, drafts: Sequence[Draft], now: int) -> None:
        self._now = now
        self._by_key: dict[tuple[str, str], tuple[bytes, Accepted]] = {}
        self._by_text: dict[bytes, tuple[int, Accepted]] = {}
        self._load_keys(connection, [key for draft in drafts if (key := draft.idempotency_key)])
        texts = [draft.repeat_hash for draft in drafts if _goes_by_text(draft)]
        windows = [draft.request.repeat_window for draft in drafts]
        if texts:
            self._load_texts(connection, texts, now - int(max(windows) * 1000))

    def _load_keys(self, connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
        # One query per client: SQLite looks through the whole table for lists of pairs.
        by_client: dict[str, list[str]] = {}
        for client, key in keys:
            by_client.setdefault(client, []).append(key)
        for client, own in by_client.items():
            rows = connection.execute(
                select(outbox).where(outbox.c.client == client, outbox.c.idempotency_key.in_(own))
            )
            for row in rows:
                accepted = (row.request_hash, _as_repeat(row))
                self._by_key[(row.client, row.idempotency_key)] = accepted

    def _load_texts(
        self, connection: Connection, texts: Sequence[bytes | None], since: int
    ) -> None:
        rows = connection.execute(_same_text(texts, since))
        for row in rows:
            self._by_text[row.repeat_hash] = (row.created_at, _as_repeat(row))

    def of(self, draft: Draft) -> Accepted | EnumBackendError | None:
        """What the draft repeats, or the conflict it makes; None = it is new."""
        key = draft.idempotency_key
        if key is not None:
            found = self._by_key.get(key)
            if found is None:
                return None
            return found[1] if found[0] == draft.request_hash else IdempotencyConflict()
        if draft.repeat_hash is None:
            return None
        created_at, accepted = self._by_text.get(draft.repeat_hash, (0, None))
        since = self._now - int(draft.request.repeat_window * 1000)
        return accepted if created_at > since else None

    def add(self, draft: Draft, accepted: Accepted) -> None:
        """A later draft of the batch may repeat this one."""
        repeated = _as_repeated(accepted)
        if key := draft.idempotency_key:
            self._by_key[key] = (draft.request_hash, repeated)
        elif draft.repeat_hash is not None:
            self._by_text[draft.repeat_hash] = (self._now, repeated)


def _goes_by_text(draft: Draft) -> bool:
    return draft.repeat_hash is not None and draft.idempotency_key is None


def _same_text(texts: Sequence[bytes | None], since: int) -> Select[Any]:
    return (
        select(outbox)
        .where(
            outbox.c.repeat_hash.in_(texts),
            outbox.c.created_at > since,
            outbox.c.state.not_in(NOT_ARRIVED),
        )
        .order_by(outbox.c.id)
    )


def _as_repeated(accepted: Accepted) -> Accepted:
    return Accepted(
        accepted.message_id,
        accepted.status,
        accepted.provider,
        accepted.gateway,
        accepted.segments,
        accepted.encoding,
        accepted.cost,
        repeated=True,
    )


def _as_repeat(row: Row[Any]) -> Accepted:
    return Accepted(
        message_id=row.message_id,
        status=MessageState(row.state),
        provider=row.provider,
        gateway=row.gateway,
        segments=row.segments,
        encoding=row.encoding,
        cost=from_micros(row.cost_micros, row.cost_currency),
        repeated=True,
    )
