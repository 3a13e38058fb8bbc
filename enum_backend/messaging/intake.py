"""From what a provider handed over to the inbox, its owner, and the deliveries: one transaction.

Whatever is stored here is whole: a message has its owner and its deliveries in the same
commit, or is marked as one whose owner is still to be found. Nothing is handed on twice,
and nothing that is stored needs a process to stay alive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Row
from sqlalchemy.exc import SQLAlchemyError

from enum_backend.gateways.base import Gateway
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.messaging import inbox, parts
from enum_backend.messaging.arrivals import ArrivalBatch
from enum_backend.messaging.deliveries import queue
from enum_backend.messaging.deliveries.queue import Handover
from enum_backend.messaging.deliveries.targets import endpoints_of, targets_of
from enum_backend.messaging.inbound import RECEIVED, Arrival, OnStored, Stored, StoredInbound
from enum_backend.messaging.owners import (
    UNKNOWN_CLAIMS,
    Claims,
    Owner,
    OwnerReason,
    decide,
    existing,
)
from enum_backend.settings.deliveries import DeliverySettings
from enum_backend.storage import Sealer
from enum_backend.storage.locks import serialize
from enum_backend.storage.sealing import SealBroken
from enum_backend.tenants import store
from enum_backend.tenants.bindings import tenant_bound_to

log = structlog.get_logger("enum_backend.inbox")

LOCK = "inbox"
GIVE_UP_MS = 86400 * 1000
"""How long records that cannot be read are asked again for one message."""
MAX_RELEASED = 100
"""Messages with missing parts that are released in one transaction."""


class Intake:
    """Stores inbound messages.

    Args:
        on_stored: see `OnStored`; called in this order.
    """

    def __init__(
        self, sealer: Sealer, settings: DeliverySettings, on_stored: Sequence[OnStored] = ()
    ) -> None:
        self._sealer = sealer
        self._validity_ms = int(settings.validity * 1000)
        self._parts_ms = int(settings.parts_timeout * 1000)
        self._on_stored = tuple(on_stored)

    def store(self, connection: Connection, arrivals: Sequence[Arrival], now: int) -> list[Stored]:
        """Store arrivals in their order; what became of each.

        A repeat of a message or a part changes nothing. A repeat under a new id is stored
        with a link to the first, so that nothing vanishes silently.
        """
        serialize(connection, LOCK)
        batch = ArrivalBatch(connection, now)
        groups: dict[inbox.Key, parts.Group] = {}
        whole = [self._whole(connection, arrival, groups, now) for arrival in arrivals]
        batch.look_up([item for item in whole if isinstance(item, Arrival)])
        results = [batch.entry(item) if isinstance(item, Arrival) else item for item in whole]
        for item, result in zip(whole, results, strict=True):
            group = groups.get(item.key) if isinstance(item, Arrival) else None
            if group is not None and result.inbox_id is not None:
                parts.close(connection, group, result.inbox_id)
        entries = [item for item in results if isinstance(item, inbox.Entry)]
        inbox.add_many(connection, entries, self._sealer.seal, now)
        targets = self._deliver(connection, entries, now)
        self._tell(connection, entries, now)
        return [
            _stored(item, targets) if isinstance(item, inbox.Entry) else item for item in results
        ]

    def release(self, connection: Connection, registry: GatewayRegistry, now: int) -> list[Stored]:
        """Put messages whose missing parts never came into the inbox; their owners are open."""
        serialize(connection, LOCK)
        released: list[Stored] = []
        for group in parts.timed_out(connection, self._sealer, now - self._parts_ms, MAX_RELEASED):
            arrival = Arrival(
                gateway=group.gateway,
                provider=group.provider,
                account=registry.get(group.gateway),
                sms=group.sms,
                claims=UNKNOWN_CLAIMS,
                incomplete=True,
            )
            (stored,) = self.store(connection, [arrival], now)
            if stored.inbox_id is not None:
                parts.close(connection, group, stored.inbox_id)
            released.append(stored)
        parts.forget(connection, now)
        return released

    def settle(
        self,
        connection: Connection,
        registry: GatewayRegistry,
        inbox_id: str,
        claims: Claims,
        now: int,
    ) -> Stored | None:
        """Find the owner of a stored message by what the records say now.

        Returns:
            None when somebody else has found it, or the records are still silent.
        """
        serialize(connection, LOCK)
        row = inbox.still_open(connection, inbox_id)
        if row is None:
            return None
        given_up = now - row.received_at > GIVE_UP_MS
        if not claims.known and not given_up:
            inbox.look_later(connection, row, now)
            return None
        owner = _owner_of_row(connection, row, registry.get(row.gateway), claims)
        inbox.settle_owner(connection, row, owner)
        targets = 0
        # One that had its owner at once can have outlived it.
        if owner.tenant is not None and store.exists(connection, owner.tenant):
            own = endpoints_of(connection, [owner.tenant], RECEIVED)[owner.tenant]
            made = queue.targets_so_far(connection, inbox_id)
            found = targets_of(own, claims.of(owner.tenant))
            missing = [target for target in found if target.key not in made]
            self._add(connection, [Handover(inbox_id, owner.tenant, missing)], now)
            targets = len(missing)
        if row.tenant is None:
            self._tell_row(connection, row, owner, now)
        return Stored(inbox_id, True, owner=owner, targets=targets)

    def _whole(
        self,
        connection: Connection,
        arrival: Arrival,
        groups: dict[inbox.Key, parts.Group],
        now: int,
    ) -> Arrival | Stored:
        """The arrival, or the message that it completes; `Stored` if there is nothing to store."""
        sms = arrival.sms
        if sms.part is None:
            return arrival
        kept = parts.find(connection, arrival.gateway, sms.dedupe_key)
        if kept is not None:
            return Stored(kept.inbox_id, False)
        group = parts.add(
            connection,
            self._sealer,
            arrival.gateway,
            arrival.provider,
            sms,
            now=now,
            timeout_ms=self._parts_ms,
        )
        if group is None:
            return Stored(None, False)
        completed = replace(arrival, sms=group.sms)
        groups[completed.key] = group
        return completed

    def _deliver(
        self, connection: Connection, entries: Sequence[inbox.Entry], now: int
    ) -> Counter[str]:
        owned = [
            (entry, entry.owner.tenant)
            for entry in entries
            if entry.owner is not None and entry.owner.tenant is not None
        ]
        if not owned:
            return Counter()
        endpoints = endpoints_of(connection, {tenant for _, tenant in owned}, RECEIVED)
        handovers = [
            Handover(
                entry.inbox_id,
                tenant,
                targets_of(endpoints[tenant], entry.arrival.claims.of(tenant)),
            )
            for entry, tenant in owned
        ]
        self._add(connection, handovers, now)
        return Counter({item.inbox_id: len(item.targets) for item in handovers})

    def _add(self, connection: Connection, handovers: Sequence[Handover], now: int) -> None:
        queue.add_many(connection, handovers, now=now, validity_ms=self._validity_ms)

    def _tell(self, connection: Connection, entries: Sequence[inbox.Entry], now: int) -> None:
        """Tell those who follow the inbox, once the owner is known or known to be nobody."""
        messages = []
        for entry in entries:
            owner = entry.owner
            if owner is None or entry.foreign_number or (owner.open and owner.tenant is None):
                continue
            arrival, sms = entry.arrival, entry.arrival.sms
            messages.append(
                StoredInbound(
                    inbox_id=entry.inbox_id,
                    tenant=owner.tenant,
                    gateway=arrival.gateway,
                    provider=arrival.provider,
                    sender=sms.sender,
                    to=sms.to,
                    text=sms.text,
                    opt_out=sms.opt_out,
                    sent_at=None if sms.sent_at is None else int(sms.sent_at * 1000),
                    received_at=now,
                    is_shared=owner.is_shared,
                )
            )
        self._call(connection, messages, now)

    def _tell_row(self, connection: Connection, row: Row[Any], owner: Owner, now: int) -> None:
        try:
            text = self._sealer.open(row.body, row.inbox_id)
        except SealBroken:
            return
        self._call(
            connection, [inbox.as_stored(row, text, owner.tenant, is_shared=owner.is_shared)], now
        )

    def _call(self, connection: Connection, messages: Sequence[StoredInbound], now: int) -> None:
        """Call the followers: for all messages at once, or one by one where one fails.

        A follower that fails must not make the provider believe that nothing was stored.
        """
        if not messages or not self._on_stored:
            return
        try:
            with connection.begin_nested():
                for message in messages:
                    for follower in self._on_stored:
                        follower(connection, message, now)
        except SQLAlchemyError:
            raise
        except Exception as error:
            if len(messages) > 1:
                for message in messages:
                    self._call(connection, [message], now)
                return
            name = type(error).__name__
            log.error("follower of the inbox failed", id=messages[0].inbox_id, error=name)


def _owner_of_row(
    connection: Connection, row: Row[Any], account: Gateway | None, claims: Claims
) -> Owner:
    """The owner of a stored message, for good."""
    if row.tenant is not None:
        return Owner(row.tenant, OwnerReason(row.owner_reason))
    bound_to = tenant_bound_to(connection, row.to_number)
    private_to = account.options.tenant if account else ""
    found = replace(decide(bound_to, private_to, claims), open=False)
    return existing(found, partial(store.exists, connection))


def _stored(entry: inbox.Entry, targets: Counter[str]) -> Stored:
    if entry.owner is None:
        return Stored(entry.inbox_id, False, entry.foreign_number)
    return Stored(entry.inbox_id, True, entry.foreign_number, entry.owner, targets[entry.inbox_id])


def log_stored(stored: Sequence[Stored]) -> None:
    """Tell the operator of messages that nobody gets."""
    for item in stored:
        if item.owner is None or item.owner.tenant is not None:
            continue
        match item.owner.reason:
            case OwnerReason.FOREIGN:
                log.warning("message to a number that is not the gateway's", id=item.inbox_id)
            case OwnerReason.CONFLICT:
                log.warning("alert: several tenants' records claim a number", id=item.inbox_id)
            case OwnerReason.NO_TENANT:
                log.warning("alert: a number's tenant does not exist", id=item.inbox_id)
            case _:
                log.warning("records cannot be read: owner not known yet", id=item.inbox_id)
