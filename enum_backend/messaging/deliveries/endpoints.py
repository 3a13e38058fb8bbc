"""Addresses of tenants: who wants which events where, and with which secret.

Functions of a connection inside a transaction. What the settings name is kept here as
well (`source` `settings`), so that deliveries have one place to look.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from enum_backend.errors import NotFound, ValidationFailed, wrong_field
from enum_backend.messaging.deliveries.model import Kind, Why
from enum_backend.messaging.inbound import RECEIVED
from enum_backend.storage import Sealer
from enum_backend.storage.tables import deliveries, endpoints
from enum_backend.storage.tables.deliveries import QUEUED

API: Final = "api"
SETTINGS: Final = "settings"
EVENTS: Final = (RECEIVED,)
MAX_PER_TENANT = 50


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address.

    Attributes:
        address: URL, mail address or `+E.164`; a URL can hold a token.
        source: `api`, or `settings`: then the settings decide about it.
        disabled_reason: why it gets nothing, None while it is enabled.
        has_secret: it has a secret of its own; else the tenant's is used.
    """

    id: str
    tenant: str
    kind: Kind
    address: str = field(repr=False)
    failover_url: str | None = field(default=None, repr=False)
    events: tuple[str, ...] = EVENTS
    source: str = API
    enabled: bool = True
    disabled_reason: str | None = None
    has_secret: bool = False
    created_at: int = 0


def new_id() -> str:
    """The id of an endpoint."""
    return f"ep_{secrets.token_hex(8)}"


def add(
    connection: Connection, sealer: Sealer, endpoint: Endpoint, secret: str | None, now: int
) -> None:
    """A new endpoint.

    Raises:
        ValidationFailed: the tenant has too many, or this address already.
    """
    standing = of_tenant(connection, endpoint.tenant)
    if len(standing) >= MAX_PER_TENANT:
        raise ValidationFailed(f"A tenant has at most {MAX_PER_TENANT} endpoints.")
    if any(item.address == endpoint.address for item in standing):
        raise wrong_field("address", "this address has an endpoint already")
    _insert(connection, endpoint, None if secret is None else sealer.seal(secret, endpoint.id), now)


def of_tenant(connection: Connection, tenant: str | None) -> list[Endpoint]:
    """A tenant's endpoints, oldest first; of every tenant if None."""
    query = select(endpoints).order_by(endpoints.c.created_at, endpoints.c.id)
    if tenant is not None:
        query = query.where(endpoints.c.tenant == tenant)
    return [_endpoint(row) for row in connection.execute(query)]


def find(connection: Connection, endpoint_id: str, tenant: str | None) -> Endpoint:
    """One endpoint.

    Raises:
        NotFound: there is none of that id, or it is another tenant's.
    """
    return _endpoint(_row(connection, endpoint_id, tenant))


def set_enabled(connection: Connection, endpoint_id: str, *, enabled: bool, now: int) -> None:
    """Let an endpoint have messages, or not."""
    reason = None if enabled else "by_hand"
    _change(connection, endpoint_id, now, enabled=enabled, disabled_reason=reason)


def move(
    connection: Connection, endpoint_id: str, address: str, failover_url: str | None, now: int
) -> None:
    """Change where an endpoint's messages go; what waits for it goes there as well."""
    _change(connection, endpoint_id, now, address=address, failover_url=failover_url)


def rotate(connection: Connection, sealer: Sealer, endpoint_id: str, secret: str, now: int) -> None:
    """A new secret; the one before it signs as well until the next rotation."""
    row = _row(connection, endpoint_id, None)
    _change(
        connection,
        endpoint_id,
        now,
        secret=sealer.seal(secret, endpoint_id),
        previous_secret=row.secret,
    )


def end_rotation(connection: Connection, endpoint_id: str, now: int) -> None:
    """Sign with the new secret only."""
    _change(connection, endpoint_id, now, previous_secret=None)


def remove(connection: Connection, endpoint_id: str, now: int) -> None:
    """Forget an endpoint; what waits for it becomes dead letters, and is due for that now."""
    connection.execute(delete(endpoints).where(endpoints.c.id == endpoint_id))
    connection.execute(
        update(deliveries)
        .where(QUEUED, deliveries.c.target == endpoint_id, deliveries.c.lease_owner.is_(None))
        .values(next_attempt_at=now)
    )


def disable_of(connection: Connection, delivery_ids: Sequence[int], why: Why, now: int) -> None:
    """Disable the endpoints of deliveries: they asked for it."""
    targets = select(deliveries.c.target).where(deliveries.c.id.in_(list(delivery_ids)))
    connection.execute(
        update(endpoints)
        .where(endpoints.c.id.in_(targets.scalar_subquery()))
        .values(enabled=False, disabled_reason=why, updated_at=now)
    )


def keep_configured(connection: Connection, wanted: Sequence[Endpoint], now: int) -> None:
    """Make the endpoints of source `settings` those that the settings name now.

    One that was disabled because it answered that it is gone stays so until its
    address is another one.
    """
    query = select(endpoints).where(endpoints.c.source == SETTINGS)
    before = {row.id: row for row in connection.execute(query)}
    for endpoint in wanted:
        row = before.pop(endpoint.id, None)
        if row is None:
            _insert(connection, endpoint, None, now)
        elif (row.address, row.failover_url) != (endpoint.address, endpoint.failover_url):
            same = row.address == endpoint.address
            _change(
                connection,
                endpoint.id,
                now,
                address=endpoint.address,
                failover_url=endpoint.failover_url,
                enabled=row.enabled if same else True,
                disabled_reason=row.disabled_reason if same else None,
            )
    if before:
        connection.execute(delete(endpoints).where(endpoints.c.id.in_(list(before))))


def _row(connection: Connection, endpoint_id: str, tenant: str | None) -> Row[Any]:
    row = connection.execute(select(endpoints).where(endpoints.c.id == endpoint_id)).first()
    if row is None or tenant not in (None, row.tenant):
        raise NotFound("There is no endpoint of that id.")
    return row


def _change(connection: Connection, endpoint_id: str, now: int, **values: Any) -> None:
    connection.execute(
        update(endpoints).where(endpoints.c.id == endpoint_id).values(updated_at=now, **values)
    )


def _insert(connection: Connection, endpoint: Endpoint, secret: bytes | None, now: int) -> None:
    connection.execute(
        insert(endpoints).values(
            id=endpoint.id,
            tenant=endpoint.tenant,
            kind=endpoint.kind,
            address=endpoint.address,
            failover_url=endpoint.failover_url,
            secret=secret,
            events=" ".join(endpoint.events),
            source=endpoint.source,
            enabled=endpoint.enabled,
            created_at=now,
            updated_at=now,
        )
    )


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        id=row.id,
        tenant=row.tenant,
        kind=Kind(row.kind),
        address=row.address,
        failover_url=row.failover_url,
        events=tuple(row.events.split()),
        source=row.source,
        enabled=row.enabled,
        disabled_reason=row.disabled_reason,
        has_secret=row.secret is not None,
        created_at=row.created_at,
    )
