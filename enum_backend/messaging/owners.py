"""Whose an inbound message is: found by rules, never guessed.

1. The tenant that the destination number is bound to.
2. The tenant whose private gateway has the number.
3. The one tenant whose `operator` record sends the number's SMS there.
4. The default tenant, for the other numbers of shared gateways.

Two tenants' records for one number cancel each other: nobody owns it, and the
operator hears of it. So it is where the tenant that was found does not exist. While
the records cannot be read, rule 3 is left open; the message is stored, and its owner
is found later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cachetools import TTLCache

from nvs.directory import Directory
from nvs.errors import InvalidNumber, NvsUnavailable
from nvs.number_record import NumberRecord
from nvs.reverse import records_of_sms

DEFAULT_TENANT: Final = "default"

LOOK_SECONDS = 1.0
"""Longest wait for the records while a provider waits for us."""
KEEP_SECONDS = 1.0
"""How long claims are kept that did not change: messages to one number come in bursts."""


class OwnerReason(StrEnum):
    """Which rule found the owner, or why there is none."""

    BINDING = "binding"
    GATEWAY = "gateway"
    RECORD = "record"
    DEFAULT = "default"
    CONFLICT = "conflict"
    FOREIGN = "foreign"
    NO_TENANT = "no_tenant"
    """The tenant was never made, or is deleted."""
    UNREADABLE = "unreadable"
    """The records could not be read, so far or for as long as we tried."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What an operator record says about a number's messages.

    Attributes:
        forward_to, webhook: as the record has them, checked in no way.
    """

    tenant: str
    forward_to: tuple[str, ...] = ()
    webhook: str | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """Everything the records say about a number; `known` False: they cannot be read now."""

    items: tuple[Claim, ...] = ()
    known: bool = True

    @property
    def tenants(self) -> frozenset[str]:
        """Who claims the number."""
        return frozenset(claim.tenant for claim in self.items)

    def of(self, tenant: str) -> tuple[Claim, ...]:
        """The claims of one tenant."""
        return tuple(claim for claim in self.items if claim.tenant == tenant)


@dataclass(frozen=True, slots=True)
class Owner:
    """The decision.

    Attributes:
        open: the records could not be read, and may name the owner, or further
            addresses of a known one: they are asked again.
    """

    tenant: str | None
    reason: OwnerReason
    open: bool = False

    @property
    def is_shared(self) -> bool:
        """Whether other tenants may send from the number, too: it is bound to nobody."""
        return self.reason in (OwnerReason.RECORD, OwnerReason.DEFAULT)


UNKNOWN_CLAIMS: Final = Claims(known=False)


def decide(bound_to: str | None, private_to: str, claims: Claims) -> Owner:
    """The owner of a message to one of a gateway's own numbers.

    Args:
        bound_to: the tenant that the number is bound to, if any.
        private_to: the tenant of the gateway, empty = it is shared.
    """
    if bound_to is not None:
        return Owner(bound_to, OwnerReason.BINDING, open=not claims.known)
    if private_to:
        return Owner(private_to, OwnerReason.GATEWAY, open=not claims.known)
    if not claims.known:
        return Owner(None, OwnerReason.UNREADABLE, open=True)
    if len(claims.tenants) > 1:
        return Owner(None, OwnerReason.CONFLICT)
    if claims.tenants:
        return Owner(min(claims.tenants), OwnerReason.RECORD)
    return Owner(DEFAULT_TENANT, OwnerReason.DEFAULT)


def existing(owner: Owner, exists: Callable[[str], bool]) -> Owner:
    """The decision, if there is such a tenant: what is somebody's can be read by somebody."""
    if owner.tenant is None or exists(owner.tenant):
        return owner
    return Owner(None, OwnerReason.NO_TENANT)


class RecordClaims:
    """Asks the records about numbers; never fails, never waits long."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._kept: TTLCache[tuple[str, int], Claims] = TTLCache(4096, KEEP_SECONDS)

    async def of(self, number: str, *, seconds: float = LOOK_SECONDS) -> Claims:
        """What operator records say about `+E.164`, or that they cannot be read now."""
        key = (number, self._directory.source.generation)
        found = self._kept.get(key)
        if found is None:
            found = await self._ask(number, seconds)
            if found.known:
                self._kept[key] = found
        return found

    async def _ask(self, number: str, seconds: float) -> Claims:
        try:
            async with asyncio.timeout(seconds):
                records = await records_of_sms(self._directory, number)
        except InvalidNumber:
            return Claims()
        except (NvsUnavailable, TimeoutError):
            return UNKNOWN_CLAIMS
        return Claims(tuple(_claim(record) for record in records))


def _claim(record: NumberRecord) -> Claim:
    sms = record.sms
    return Claim(
        tenant=record.trust.tenant or DEFAULT_TENANT,
        forward_to=sms.forward_to if sms else (),
        webhook=sms.webhook if sms else None,
    )
