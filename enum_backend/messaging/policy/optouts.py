"""People who want no messages, per tenant and sender.

Functions of a connection inside a transaction. An opt-out concerns a number of
ours: whatever comes from it is refused, codes included, as US carriers and providers
do it (47 CFR 64.1200(a)(10); what is left is one confirmation, (a)(12)). Other numbers
of the tenant are other programmes, unless they take turns with it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select

from enum_backend.errors import OptedOut
from enum_backend.messaging.owners import DEFAULT_TENANT
from enum_backend.messaging.route import Route
from enum_backend.messaging.senders import picked_by
from enum_backend.phone import normalize
from enum_backend.storage.many import Inserted, Listed
from enum_backend.storage.tables import opt_outs
from enum_backend.storage.upsert import insert_or_ignore

EVERY: Final = "*"
"""As a sender: all senders of the tenant. As a tenant: whoever sends from that number."""

Wanted = tuple[str, str | None, str]
"""(tenant, sender, recipient); no sender = nobody knows which it will be."""

_INSERT = insert_or_ignore(opt_outs)
_REFUSED = Inserted(
    opt_outs,
    ("recipient", "tenant", "sender", "source", "created_at"),
    "ON CONFLICT DO NOTHING",
)
_OF_RECIPIENTS = Listed(
    opt_outs.c.recipient,
    select(opt_outs.c.recipient, opt_outs.c.tenant, opt_outs.c.sender).where,
)


class Source(StrEnum):
    """How we know of an opt-out."""

    KEYWORD = "keyword"
    PROVIDER = "provider"
    REFUSED = "refused"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class OptOut:
    """One entry; `id` grows, `created_at` is in milliseconds."""

    id: int
    tenant: str
    sender: str
    recipient: str
    source: Source
    created_at: int


def blocked(connection: Connection, wanted: Sequence[Wanted]) -> set[int]:
    """Indices of those that must not be sent; one statement however many there are.

    Where no sender is known, any opt-out of the recipient in that tenant counts.
    """
    closed = _closed(connection, {recipient for _, _, recipient in wanted})
    if not closed:
        return set()
    return {
        index
        for index, (tenant, sender, recipient) in enumerate(wanted)
        if _is_closed(closed[recipient], tenant, sender)
    }


def screen(connection: Connection, wanted: Sequence[tuple[str, Route]]) -> list[Route | OptedOut]:
    """For each (tenant, route): the route without numbers the recipient has shut out, or no.

    An opt-out from the number that would send refuses the message; it does not move
    on to another number. Gateways that take turns count as one. Those that would only
    follow after an error are left out of the chain. One statement for all.
    """
    closed = _closed(connection, {route.destination for _, route in wanted})
    if not closed:
        return [route for _, route in wanted]
    return [_screened(closed[route.destination], tenant, route) for tenant, route in wanted]


def record(
    connection: Connection, tenant: str, sender: str, recipient: str, source: Source, now: int
) -> bool:
    """Store an opt-out; returns whether it is new.

    Messages that wait are not touched: see `stopping.stop`.
    """
    values = {
        "recipient": recipient,
        "tenant": tenant,
        "sender": sender,
        "source": source,
        "created_at": now,
    }
    return bool(connection.execute(_INSERT, values).rowcount)


def record_refused(
    connection: Connection, wanted: Collection[tuple[str, str, str]], now: int
) -> None:
    """Store the opt-outs (tenant, sender, recipient) that refusals tell of; one statement.

    Messages that wait are not touched: see `stopping.stop_refused`.
    """
    rows = [
        (recipient, tenant, sender, Source.REFUSED, now)
        # In one order everywhere, so that two transactions do not wait for each other.
        for tenant, sender, recipient in sorted(set(wanted))
    ]
    _REFUSED.run(connection, rows)


def sender_of(row: Row[Any], gateway: str | None = None) -> str:
    """What the recipient of a stored message sees as the sender.

    Args:
        row: with the columns `gateway` and `route`.
        gateway: another one of its chain.
    """
    name = gateway or row.gateway
    sender: str = json.loads(row.route).get("senders", {}).get(name, picked_by(name))
    return sender


def sender_word(text: str, region: str) -> str:
    """A sender as people write it, as it is stored: `*`, a name, `gateway:NAME`, `+E.164`.

    Raises:
        InvalidPhoneFormat: neither.
    """
    word = text.strip()
    if word == EVERY or any(character.isalpha() for character in word):
        return word
    return normalize(word, region, field="sender")


def remove(connection: Connection, tenant: str, sender: str, recipient: str) -> bool:
    """Take an entry back by hand; returns whether it was there.

    The default tenant's are the deployment's own numbers: nobody is kept from them any more.
    """
    found = _delete(connection, recipient, tenant, [sender])
    if tenant == DEFAULT_TENANT:
        found = _delete(connection, recipient, EVERY, [sender]) or found
    return found


def reopen(connection: Connection, tenant: str, sender: str, recipient: str, gateway: str) -> bool:
    """The person wants messages from `sender` again; returns whether that changes something.

    An entry for all senders was made by hand, and stays until it is taken back by hand.

    Args:
        gateway: which `sender` is a number of.
    """
    senders = [sender, picked_by(gateway)]
    own = _delete(connection, recipient, tenant, senders)
    anybody = _delete(connection, recipient, EVERY, senders)
    return (own or anybody) and not blocked(connection, [(tenant, sender, recipient)])


def page(
    connection: Connection,
    tenant: str,
    *,
    recipient: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[OptOut]:
    """Entries of a tenant, oldest first, those with an id above `after`."""
    which = select(opt_outs).where(opt_outs.c.tenant == tenant, opt_outs.c.id > after)
    if recipient is not None:
        which = which.where(opt_outs.c.recipient == recipient)
    rows = connection.execute(which.order_by(opt_outs.c.id).limit(limit))
    return [
        OptOut(row.id, row.tenant, row.sender, row.recipient, Source(row.source), row.created_at)
        for row in rows
    ]


_Closed = defaultdict[str, set[tuple[str, str]]]
"""Recipient -> (tenant, sender) of each opt-out."""


def _closed(connection: Connection, recipients: Collection[str]) -> _Closed:
    found: _Closed = defaultdict(set)
    if recipients:
        for recipient, tenant, sender in _OF_RECIPIENTS.run(connection, recipients):
            found[recipient].add((tenant, sender))
    return found


def _is_closed(closed: Collection[tuple[str, str]], tenant: str, sender: str | None) -> bool:
    return any(
        whose in (tenant, EVERY) and (sender is None or what in (sender, EVERY))
        for whose, what in closed
    )


def _screened(closed: Collection[tuple[str, str]], tenant: str, route: Route) -> Route | OptedOut:
    if not closed:
        return route
    shut = [
        any(_is_closed(closed, tenant, sender) for sender in route.senders.get(name) or (None,))
        for name in route.planned
    ]
    first = route.decisive or route.planned[:1]
    if any(is_shut for name, is_shut in zip(route.planned, shut, strict=True) if name in first):
        return OptedOut()
    if not any(shut):
        return route
    left = tuple(name for name, is_shut in zip(route.planned, shut, strict=True) if not is_shut)
    chain = left if route.chain == route.planned else route.chain
    return replace(route, planned=left, chain=chain)


def _delete(connection: Connection, recipient: str, tenant: str, senders: Collection[str]) -> bool:
    return bool(
        connection.execute(
            delete(opt_outs).where(
                opt_outs.c.recipient == recipient,
                opt_outs.c.tenant == tenant,
                opt_outs.c.sender.in_(senders),
            )
        ).rowcount
    )
