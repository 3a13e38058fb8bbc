"""A gateway that sends nothing: for demos, for simulation mode, and for tests.

It takes every message, keeps the last ones in memory and reports them as
delivered. It misbehaves only when told to, by `fail_next` and `delay`, so that
what is seen in a demo is what production code does.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

from pydantic import Field

from enum_backend.gateways.base import (
    Capabilities,
    Gateway,
    GatewayError,
    GatewayOptions,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
    StatusResult,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SimulatedSms:
    """One message that arrived at the simulator.

    Attributes:
        id: the simulator's own id, `sim_...`.
        gateway: name of the simulator it arrived at.
        message_id: our id.
        to: `+E.164`.
        sender: the request's, else the gateway's own, which may be empty.
        text: as it would have been sent.
        arrived_at: UTC.
    """

    id: str
    gateway: str
    message_id: str
    to: str
    sender: str
    text: str = field(repr=False)
    arrived_at: datetime


Listener = Callable[[SimulatedSms], None]


class SimulatorOptions(GatewayOptions):
    """Settings of a simulator."""

    history: int = Field(default=1000, ge=1, le=100_000, description="messages kept in memory")


class SimulatorGateway(Gateway):
    """Accepts everything and remembers it.

    Attributes:
        messages: what arrived, oldest first, the last `history` of them.
        delay: seconds every `send` takes, 0 by default.
    """

    provider = "simulator"
    Options = SimulatorOptions
    options: SimulatorOptions
    capabilities: ClassVar[Capabilities] = Capabilities(status_query=True)

    def __init__(self, name: str | None = None, **options: Any) -> None:
        super().__init__(name, **options)
        self.messages: deque[SimulatedSms] = deque(maxlen=self.options.history)
        self.delay = 0.0
        self._failures: deque[tuple[GatewayError, bool]] = deque()
        self._listeners: list[Listener] = []

    async def send(self, sms: OutboundSms) -> SendResult:
        """Keep the message, or fail as `fail_next` said.

        Raises:
            GatewayError: the next scripted one.
        """
        if self.delay:
            await asyncio.sleep(self.delay)
        failure, arrives = self._failures.popleft() if self._failures else (None, True)
        arrived = SimulatedSms(
            id=f"sim_{uuid4().hex}",
            gateway=self.name,
            message_id=sms.message_id,
            to=sms.to,
            sender=sms.sender or self.options.sender,
            text=sms.text,
            arrived_at=datetime.now(UTC),
        )
        if arrives:
            self.messages.append(arrived)
            self._tell(arrived)
        if failure is not None:
            raise failure
        return SendResult(ProviderStatus.DELIVERED, provider_message_id=arrived.id)

    async def status(self, provider_message_id: str) -> StatusResult:
        """Delivered, for a message that is still remembered.

        Raises:
            GatewayError: `invalid_request`, no such message (any more).
        """
        if any(message.id == provider_message_id for message in self.messages):
            return StatusResult(ProviderStatus.DELIVERED)
        raise GatewayError(Reason.INVALID_REQUEST, "no such message")

    def fail_next(self, error: GatewayError, *, times: int = 1, arrives: bool = False) -> None:
        """Make the next sends raise; calls queue up, in order.

        Args:
            error: what they raise.
            times: how many of them.
            arrives: the message arrives all the same, as when only the
                provider's answer is lost.
        """
        self._failures.extend([(error, arrives)] * times)

    def on_message(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every message that arrives, until the returned function is called.

        A listener that raises is logged and does not disturb the sending.
        """
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def reset(self) -> None:
        """Forget messages, scripted failures and the delay; listeners stay."""
        self.messages.clear()
        self._failures.clear()
        self.delay = 0.0

    def _tell(self, message: SimulatedSms) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(message)
            except Exception as error:
                # Only the kind: the error's text may quote the message.
                logger.warning("%s: a listener failed: %s", self.name, type(error).__name__)
