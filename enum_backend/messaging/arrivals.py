"""What arrivals are, before they are stored: repeats or new, ours or not, and whose."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, select

from enum_backend.messaging import inbox
from enum_backend.messaging.inbound import Arrival, Stored
from enum_backend.messaging.owners import Owner, OwnerReason, decide, existing
from enum_backend.storage.tables import numbers
from enum_backend.tenants import store
from enum_backend.tenants.bindings import tenant_bound_to

FOREIGN: Final = Owner(None, OwnerReason.FOREIGN)


class ArrivalBatch:
    """The messages of one transaction; what they share is looked up once."""

    def __init__(self, connection: Connection, now: int) -> None:
        self._connection = connection
        self._now = now
        self._kept: dict[inbox.Key, inbox.Kept] = {}
        self._contents: dict[inbox.Key, str] = {}
        self._bound: dict[str, str | None] = {}
        self._tenants: dict[str, bool] = {}
        self._bought: dict[inbox.Key, bool] = {}

    def look_up(self, arrivals: Collection[Arrival]) -> None:
        """Find which of them are stored already."""
        if arrivals:
            self._kept = inbox.known(self._connection, [arrival.key for arrival in arrivals])

    def entry(self, arrival: Arrival) -> Stored | inbox.Entry:
        """The message as it is stored, or what it repeats."""
        if (kept := self._kept.get(arrival.key)) is not None:
            return Stored(kept.inbox_id, False, kept.foreign_number)
        inbox_id = inbox.new_id()
        first = self._first_of_content(arrival, inbox_id)
        foreign = not self._is_ours(arrival)
        owner = None
        if first is None:
            owner = FOREIGN if foreign else self._owner(arrival)
        self._kept[arrival.key] = inbox.Kept(inbox_id, foreign)
        return inbox.Entry(inbox_id, arrival, owner, first, foreign)

    def _first_of_content(self, arrival: Arrival, inbox_id: str) -> str | None:
        content_key = arrival.sms.content_key
        if content_key is None:
            return None
        key = (arrival.gateway, content_key)
        first = self._contents.get(key) or inbox.same_content(self._connection, *key, now=self._now)
        self._contents[key] = first or inbox_id
        return first

    def _owner(self, arrival: Arrival) -> Owner:
        number = arrival.sms.to
        if number not in self._bound:
            self._bound[number] = tenant_bound_to(self._connection, number)
        private_to = arrival.account.options.tenant if arrival.account else ""
        return existing(decide(self._bound[number], private_to, arrival.claims), self._exists)

    def _exists(self, tenant: str) -> bool:
        if tenant not in self._tenants:
            self._tenants[tenant] = store.exists(self._connection, tenant)
        return self._tenants[tenant]

    def _is_ours(self, arrival: Arrival) -> bool:
        """Whether the number is the gateway's; another process may have bought it just now."""
        number = arrival.sms.to
        if arrival.account is not None and arrival.account.owns(number):
            return True
        key = (arrival.gateway, number)
        if key not in self._bought:
            query = select(numbers.c.number).where(
                numbers.c.number == number, numbers.c.gateway == arrival.gateway
            )
            self._bought[key] = self._connection.execute(query).first() is not None
        return self._bought[key]
