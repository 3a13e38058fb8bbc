"""Handing one message to its gateway, once, and saying how that ended.

The request is written only within the lease under which the attempt was
committed; an answer that leaves open whether the message was sent is looked up
where the provider can be asked by our own id.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from enum_backend.clock import now_ms
from enum_backend.errors import DatabaseUnavailable
from enum_backend.gateways.base import Gateway, GatewayError, OutboundSms, Reason, SendResult
from enum_backend.messaging import outcomes, recovery
from enum_backend.messaging.breakers import Breakers
from enum_backend.messaging.changes import Hop
from enum_backend.messaging.gateways import SIMULATOR
from enum_backend.messaging.made_texts import TextMaker, Withdrawn
from enum_backend.messaging.outcomes import Outcome
from enum_backend.messaging.policy.sticky import Known
from enum_backend.messaging.pricing import Estimate
from enum_backend.messaging.queue import Begun
from enum_backend.messaging.retry import RetryPolicy
from enum_backend.storage import Sealer
from enum_backend.storage.sealing import SealBroken

ANSWER_MARGIN = 5.0
"""Seconds past the gateway's own time-out after which we stop waiting ourselves."""

LEASE_MARGIN = 30.0
"""Seconds past that for writing down how it ended."""

log = structlog.get_logger("enum_backend.dispatcher")


def lease_seconds(gateway: Gateway) -> float:
    """How long an attempt at this gateway may take in all."""
    return gateway.options.timeout + ANSWER_MARGIN + LEASE_MARGIN


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended.

    Attributes:
        taken: the provider's answer where it took the message.
        learned: (tenant, recipient, what it knows) where that is not what was noted.
    """

    outcome: Outcome
    taken: SendResult | None = None
    learned: tuple[str, str, Known] | None = None
    error: GatewayError | None = None


class Handover:
    """Sends messages that were begun.

    Args:
        breakers: told how each request went.
        estimate: what a message costs at the gateway it goes to next.
        texts: makes the texts that are not stored.
    """

    def __init__(
        self,
        sealer: Sealer,
        policy: RetryPolicy,
        breakers: Breakers,
        estimate: Estimate,
        texts: TextMaker | None = None,
    ) -> None:
        self._sealer = sealer
        self._policy = policy
        self._breakers = breakers
        self._estimate = estimate
        self._texts = texts

    async def send(self, message: Begun, gateway: Gateway) -> Ended:
        """One request, and what follows from its answer."""
        try:
            text = await self._text(message)
        except SealBroken:
            log.error(
                "message text cannot be opened: other server key?", message_id=message.message_id
            )
            unreadable = GatewayError(Reason.INVALID_REQUEST, "the stored text cannot be opened")
            return self._refused(message, gateway, unreadable)
        except Withdrawn as why:
            log.info("message withdrawn", message_id=message.message_id, why=str(why))
            return Ended(outcomes.withdrawn(message.message_id, message.number, str(why)))
        except DatabaseUnavailable:
            return Ended(outcomes.not_sent(message.message_id, message.number, now_ms()))
        seconds = gateway.options.timeout + ANSWER_MARGIN
        if now_ms() + int(seconds * 1000) > message.lease_until:
            # Another process may already have taken it over.
            return Ended(outcomes.not_sent(message.message_id, message.number, now_ms()))
        sms = OutboundSms(
            message_id=message.message_id,
            to=message.destination,
            text=text,
            sender=_sender(message, gateway),
        )
        try:
            result = await _request(gateway, sms, seconds)
        except GatewayError as error:
            return await self._judged(message, gateway, error)
        return self._taken(message, gateway, result)

    async def _text(self, message: Begun) -> str:
        if self._texts is None or not message.template or not message.verification_id:
            return self._sealer.open(message.body or b"", message.message_id)
        return await self._texts.text(message.template, message.verification_id)

    async def _judged(self, message: Begun, gateway: Gateway, error: GatewayError) -> Ended:
        """An error; where it leaves open whether the message was sent, ask first."""
        if error.ambiguous or error.reason is Reason.DUPLICATE:
            known, status = await recovery.look_up(gateway, message.message_id)
            if status is not None:
                return self._taken(message, gateway, SendResult(status.status, cost=status.cost))
            if known and error.ambiguous:
                error = GatewayError(Reason.TEMPORARY_UNAVAILABLE, f"not sent: {error.detail}")
        return self._refused(message, gateway, error)

    def _taken(self, message: Begun, gateway: Gateway, result: SendResult) -> Ended:
        if self._breakers.passed(gateway.name):
            log.info("gateway works again", gateway=gateway.name)
        outcome = outcomes.accepted(message.message_id, message.number, result)
        return Ended(outcome, taken=result, learned=_learned(message, gateway))

    def _refused(self, message: Begun, gateway: Gateway, error: GatewayError) -> Ended:
        if self._breakers.failed(gateway.name, error):
            pause = round(self._breakers.seconds_left(gateway.name))
            log.error(
                "gateway is broken: left alone",
                gateway=gateway.name,
                seconds=pause,
                reason=error.reason,
            )
        decision = self._policy.after(
            error,
            attempts=message.attempts_at_gateway,
            has_next=message.next_gateway is not None,
            resend_ambiguous=gateway.options.ambiguous == "resend" and not message.is_code,
        )
        retry_at = next_hop = None
        if decision.fail_over and message.next_gateway is not None:
            name = message.next_gateway
            estimate = self._estimate(name, message.destination, message.segments)
            next_hop = Hop(name, message.position + 1, estimate)
        elif decision.retry_after is not None:
            retry_at = min(now_ms() + int(decision.retry_after * 1000), message.valid_until)
        outcome = outcomes.refused(
            message.message_id, message.number, error, retry_at=retry_at, next_hop=next_hop
        )
        return Ended(outcome, error=error)


def _sender(message: Begun, gateway: Gateway) -> str | None:
    """The requested sender where this gateway may use it, else the gateway's own."""
    if message.sender is None:
        return None
    simulated = message.gateway == SIMULATOR
    if simulated or gateway.owns(message.sender) or message.sender_gateway == gateway.name:
        return message.sender
    return None


def _learned(message: Begun, gateway: Gateway) -> tuple[str, str, Known] | None:
    if message.knows is None or message.gateway == SIMULATOR:
        return None
    known = Known(gateway.name, _sender(message, gateway) or gateway.options.sender or None)
    return None if known == message.knows else (message.tenant, message.destination, known)


async def _request(gateway: Gateway, sms: OutboundSms, seconds: float) -> SendResult:
    try:
        async with asyncio.timeout(seconds):
            return await gateway.send(sms)
    except GatewayError:
        raise
    except TimeoutError:
        raise GatewayError(Reason.UNKNOWN, "no answer in time", ambiguous=True) from None
    except Exception as error:
        detail = f"unexpected {type(error).__name__}"
        log.error("gateway raised", gateway=gateway.name, error=detail)
        raise GatewayError(Reason.UNKNOWN, detail, ambiguous=True) from None
