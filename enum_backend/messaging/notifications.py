"""The latest messages to one number, for whoever owns it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from enum_backend.errors import NotFound, NvsUnavailableError
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.messaging import inbox
from enum_backend.messaging.inbound import StoredInbound
from enum_backend.messaging.owners import Owner, RecordClaims, decide
from enum_backend.storage import Database, Sealer
from enum_backend.storage.sealing import SealBroken
from enum_backend.storage.tables import inbox as table
from enum_backend.tenants.bindings import tenant_bound_to


class Notifications:
    """Reads the inbox by number."""

    def __init__(
        self, database: Database, sealer: Sealer, registry: GatewayRegistry, claims: RecordClaims
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._registry = registry
        self._claims = claims

    async def of(self, number: str, tenant: str, limit: int) -> list[StoredInbound]:
        """A tenant's messages to `+E.164`, newest first.

        Raises:
            NotFound: it is not the tenant's number.
            NvsUnavailableError: nobody can tell now whose it is.
        """
        rows = await self._database.read(lambda c: _rows(c, number, tenant, limit))
        if not rows:
            await self.require_own(number, tenant)
        return [message for row in rows if (message := self._opened(row)) is not None]

    async def require_own(self, number: str, tenant: str) -> None:
        """Refuse a number whose messages are not a tenant's.

        Raises:
            NotFound: they are another's or nobody's, or the number is none of ours.
            NvsUnavailableError: nobody can tell now.
        """
        owner = await self._owner(number)
        if owner is not None and owner.tenant is None and owner.open:
            raise NvsUnavailableError("The records that tell whose number this is are away.")
        if owner is None or owner.tenant != tenant:
            raise NotFound("This is not one of your numbers.")

    async def _owner(self, number: str) -> Owner | None:
        """Whose messages to a number are; None = it is none of ours."""
        bound_to = await self._database.read(lambda c: tenant_bound_to(c, number))
        gateway = self._registry.owner_of(number)
        if bound_to is None and gateway is None:
            return None
        private_to = gateway.options.tenant if gateway is not None else ""
        return decide(bound_to, private_to, await self._claims.of(number))

    def _opened(self, row: Row[Any]) -> StoredInbound | None:
        try:
            text = self._sealer.open(row.body, row.inbox_id)
        except SealBroken:
            return None
        return inbox.as_stored(row, text, row.tenant)


def _rows(connection: Connection, number: str, tenant: str, limit: int) -> Sequence[Row[Any]]:
    return connection.execute(
        select(table)
        .where(
            table.c.to_number == number,
            table.c.tenant == tenant,
            table.c.duplicate_of.is_(None),
        )
        .order_by(table.c.id.desc())
        .limit(limit)
    ).all()
