"""Deliveries by SMS: messages forwarded to a number, and answers of our own.

A forwarded message costs money and can come back, so it is not made

* to a number of ours, or back to whoever wrote it;
* if its text says that it was forwarded before, and we know the text it holds: then
  it went in a circle, over however many other systems;
* more often than so many times an hour to one number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from sqlalchemy import Connection, func, select, update

from enum_backend.clock import now_ms
from enum_backend.errors import EnumBackendError
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.messaging.deliveries.model import Claimed, Message, Result, State, Why
from enum_backend.messaging.model import Client, MessageKind, SendRequest
from enum_backend.messaging.policy.texts import LONGEST
from enum_backend.messaging.service import MessageService
from enum_backend.storage import Database, Sealer
from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import deliveries
from enum_backend.storage.tables.deliveries import SMS
from enum_backend.tenants.bindings import tenant_bound_to

HOUR_MS: Final = 3600 * 1000
LOOP_MS: Final = 24 * HOUR_MS
"""How long a forwarded text is recognised when it comes back."""
RETRY_SECONDS = 60.0
"""Pause when others that wait for their answer take up the limit."""

_HASHED_CHARACTERS = 400
_MARKER = re.compile(r"From [^:\n]{1,32}: ")

_REFUSED_FOR_GOOD = frozenset(
    {
        HTTPStatus.FORBIDDEN,
        HTTPStatus.CONFLICT,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


def forwarded_text(message: Message) -> str:
    """The SMS that hands on a message; too long a text is cut."""
    return f"From {message.sender}: {message.text}"[:LONGEST]


@dataclass(frozen=True, slots=True)
class _Core:
    """What a text says without the marks of forwarding."""

    text: str
    marked: bool


def _core(text: str) -> _Core:
    *_, rest = _MARKER.split(text)
    return _Core(rest[:_HASHED_CHARACTERS].strip(), rest != text)


class SmsSender:
    """Sends deliveries as SMS, through the outbox like every other message.

    Args:
        per_hour: messages of a tenant forwarded to one number in an hour; 0 = none.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        messages: MessageService,
        registry: GatewayRegistry,
        per_hour: int,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._messages = messages
        self._registry = registry
        self._per_hour = per_hour

    async def deliver(self, claimed: Claimed) -> Result:
        """Put one message into the outbox, once however often it is tried; never raises."""
        message, to = claimed.message, claimed.address
        if message is None or to is None:
            return Result(Why.UNREADABLE, final=True)
        try:
            if claimed.own_text is not None:
                return await self._send(_reply(claimed, message, to, claimed.own_text))
            if not self._per_hour:
                return Result(Why.LIMIT, final=True, skip=True)
            if to == message.sender or self._registry.owner_of(to) is not None:
                return Result(Why.LOOP, final=True, skip=True)
            refusal = await self._database.write(
                lambda connection: self._reserve(connection, claimed, message, to)
            )
            return refusal or await self._send(_forward(claimed, message, to))
        except EnumBackendError as error:
            return _refused(error)

    async def _send(self, request: SendRequest) -> Result:
        await self._messages.send(request)
        return Result()

    def _reserve(
        self, connection: Connection, claimed: Claimed, message: Message, to: str
    ) -> Result | None:
        """Take a place among the forwarded messages of this hour, or say why there is none."""
        serialize(connection, "forwards")
        core, now = _core(message.text), now_ms()
        content = self._sealer.digest("forward", claimed.tenant, core.text)
        if tenant_bound_to(connection, to) is not None or (
            core.marked and self._known(connection, claimed, content, now)
        ):
            return Result(Why.LOOP, final=True, skip=True)
        if (wait := self._wait(connection, claimed, now)) is not None:
            return Result(Why.LIMIT, retry_after=wait)
        connection.execute(
            update(deliveries).where(deliveries.c.id == claimed.id).values(content_hash=content)
        )
        return None

    def _known(self, connection: Connection, claimed: Claimed, content: bytes, now: int) -> bool:
        return (
            connection.execute(
                select(deliveries.c.id)
                .where(
                    SMS,
                    deliveries.c.content_hash == content,
                    deliveries.c.inbox_id != claimed.inbox_id,
                    deliveries.c.created_at > now - LOOP_MS,
                )
                .limit(1)
            ).first()
            is not None
        )

    def _wait(self, connection: Connection, claimed: Claimed, now: int) -> float | None:
        """Seconds until one more may be forwarded to this number; None = it may now."""
        others = (
            SMS,
            deliveries.c.target == claimed.target,
            deliveries.c.tenant == claimed.tenant,
            deliveries.c.id != claimed.id,
        )
        made, oldest = connection.execute(
            select(func.count(), func.min(deliveries.c.finished_at)).where(
                *others,
                deliveries.c.finished_at > now - HOUR_MS,
                deliveries.c.state == State.DELIVERED,
            )
        ).one()
        under_way = connection.execute(
            select(func.count()).where(
                *others,
                deliveries.c.finished_at.is_(None),
                deliveries.c.content_hash.is_not(None),
            )
        ).scalar_one()
        if made + under_way < self._per_hour:
            return None
        if made < self._per_hour:
            return RETRY_SECONDS
        return max(float(oldest + HOUR_MS - now) / 1000, 1.0)


def _forward(claimed: Claimed, message: Message, to: str) -> SendRequest:
    # Its own limit counts here, in place of those of messages that callers send.
    return SendRequest(
        to=to,
        text=forwarded_text(message),
        client=Client(f"forward:{claimed.tenant}", claimed.tenant, 0),
        kind=MessageKind.FORWARD,
        idempotency_key=f"delivery:{claimed.delivery_id}",
        skip_rate_limit=True,
    )


def _reply(claimed: Claimed, message: Message, to: str, text: str) -> SendRequest:
    # Through the gateway the message came by: no record may lead the answer elsewhere.
    return SendRequest(
        to=to,
        text=text,
        client=Client(f"reply:{claimed.tenant}", claimed.tenant, 0),
        sender=claimed.sender,
        gateway=message.gateway,
        kind=MessageKind.REPLY,
        idempotency_key=f"delivery:{claimed.delivery_id}",
        skip_rate_limit=True,
    )


def _refused(error: EnumBackendError) -> Result:
    """Whether another try can help: a full budget or a missing gateway may change."""
    return Result(
        Why.NOT_SENT,
        final=error.status in _REFUSED_FOR_GOOD,
        status=error.status,
        retry_after=error.retry_after,
    )
