"""Where a tenant's messages go: its endpoints, and what its records name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, bindparam, select

from enum_backend.messaging.deliveries.model import Kind, Target
from enum_backend.messaging.owners import Claim
from enum_backend.settings.smtp import mail_address
from enum_backend.storage.tables import endpoints

MAX_PER_RECORD = 8
"""Addresses of one record that are used."""

_NUMBER = re.compile(r"\+[1-9][0-9]{3,14}", re.ASCII)

Endpoints = dict[str, list[tuple[Target, str]]]
"""Tenant -> its endpoints for an event, each with its address."""


_ENDPOINTS = (
    select(
        endpoints.c.id,
        endpoints.c.tenant,
        endpoints.c.kind,
        endpoints.c.address,
        endpoints.c.events,
    )
    .where(endpoints.c.tenant.in_(bindparam("tenants", expanding=True)), endpoints.c.enabled)
    .order_by(endpoints.c.id)
)


def endpoints_of(connection: Connection, tenants: Collection[str], event: str) -> Endpoints:
    """The enabled endpoints of tenants that want an event."""
    found: Endpoints = {tenant: [] for tenant in tenants}
    rows = connection.execute(_ENDPOINTS, {"tenants": list(tenants)})
    for row in rows:
        if event in row.events.split():
            found[row.tenant].append((Target(Kind(row.kind), row.id), row.address))
    return found


def targets_of(own: Sequence[tuple[Target, str]], claims: Iterable[Claim]) -> list[Target]:
    """A tenant's endpoints, then what its records name besides, each address once.

    Args:
        own: of `endpoints_of`.
        claims: of this tenant only.
    """
    taken = {address for _, address in own}
    found = [target for target, _ in own]
    for target in (item for claim in claims for item in _of_record(claim)):
        if target.address is not None and target.address not in taken:
            taken.add(target.address)
            found.append(target)
    return found


def _of_record(claim: Claim) -> list[Target]:
    words = ([claim.webhook] if claim.webhook else []) + list(claim.forward_to)
    targets = (named(word) for word in words[:MAX_PER_RECORD])
    return [target for target in targets if target is not None]


def named(word: str) -> Target | None:
    """What a record's word means: `https://...`, a mail address, a number; None = nothing.

    >>> named("tel:+15550100001").kind
    <Kind.SMS: 'sms'>
    """
    text = word.strip()
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() in {"mailto", "tel", "sms"}:
        text = rest
    elif scheme.lower() == "https":
        return _target(Kind.WEBHOOK, text)
    if _NUMBER.fullmatch(text):
        return _target(Kind.SMS, text)
    try:
        return _target(Kind.EMAIL, mail_address(text))
    except ValueError:
        return None


def _target(kind: Kind, address: str) -> Target:
    return Target(kind, f"rec_{hashlib.sha256(address.encode()).hexdigest()[:40]}", address)
