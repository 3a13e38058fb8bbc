"""What became of a message nobody finished: ask the provider where it can be asked.

After a crash, or a request whose answer was lost, the provider may or may not
have the message. Only its own word settles that; without it the message is
`unknown` and is not sent again, unless the operator prefers a double to a loss.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from sqlalchemy import Row

from enum_backend.clock import now_ms
from enum_backend.gateways.base import Gateway, StatusResult
from enum_backend.messaging import outcomes
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.model import MessageState
from enum_backend.messaging.outcomes import STATE_OF, Outcome

log = structlog.get_logger("enum_backend.dispatcher")


async def look_up(gateway: Gateway, message_id: str) -> tuple[bool, StatusResult | None]:
    """(whether the provider knows, what it says); (True, None) = surely never sent."""
    if not gateway.capabilities.lookup_by_own_id:
        return False, None
    try:
        async with asyncio.timeout(gateway.options.timeout):
            return True, await gateway.find(message_id)
    except Exception as error:
        log.warning("look-up failed", message_id=message_id, error=type(error).__name__)
        return False, None


async def fate(row: Row[Any], pool: GatewayPool, max_attempts: int) -> Outcome:
    """How the last attempt of an orphan (a row of `queue.orphans`) counts."""
    state, retry = await _state(row, pool, max_attempts)
    return outcomes.orphaned(row.message_id, row.attempts_made, state, retry=retry, now=now_ms())


async def _state(row: Row[Any], pool: GatewayPool, max_attempts: int) -> tuple[MessageState, bool]:
    """The state an orphan gets, and whether it is sent again.

    A code is sent again only when the provider says that it never had it.
    """
    gateway = pool.carrier(row.gateway)
    if gateway is None:
        return MessageState.UNKNOWN, False
    known, status = await look_up(gateway, row.message_id)
    if status is not None:
        return STATE_OF[status.status], False
    resend = known or (
        gateway.options.ambiguous == "resend"
        and not gateway.capabilities.lookup_by_own_id
        and not row.erase_body
        and row.attempts_at_gateway < max_attempts
    )
    return (MessageState.QUEUED if resend else MessageState.UNKNOWN), resend
