"""The simulator: keeps what arrives, misbehaves only on request."""

from __future__ import annotations

import asyncio
import logging

import pytest

from enum_backend.gateways import (
    GatewayError,
    GatewayOptionsError,
    ProviderStatus,
    Reason,
    SimulatedSms,
    SimulatorGateway,
)
from tests.unit.gateways.gateway_cases import TEXT, TO, sms


async def test_keeps_messages() -> None:
    simulator = SimulatorGateway("demo", sender="+15550100001")
    assert simulator.missing() == []
    result = await simulator.send(sms())
    await simulator.send(sms(sender="+15550100009"))
    first, second = simulator.messages
    assert result.status is ProviderStatus.DELIVERED
    assert result.provider_message_id == first.id
    assert first.id.startswith("sim_")
    assert first.id != second.id
    assert (first.gateway, first.message_id, first.to, first.text) == ("demo", "msg_1", TO, TEXT)
    assert (first.sender, second.sender) == ("+15550100001", "+15550100009")
    assert first.arrived_at.tzinfo is not None
    assert TEXT not in repr(first)
    assert await simulator.status(first.id)
    await simulator.close()


async def test_history_is_bounded() -> None:
    simulator = SimulatorGateway(history=2)
    results = [await simulator.send(sms(text=str(n))) for n in range(3)]
    assert [message.text for message in simulator.messages] == ["1", "2"]
    with pytest.raises(GatewayError, match="no such message"):
        await simulator.status(str(results[0].provider_message_id))
    with pytest.raises(GatewayOptionsError, match="history"):
        SimulatorGateway(history=0)


async def test_scripted_failures_in_order() -> None:
    simulator = SimulatorGateway()
    simulator.fail_next(GatewayError(Reason.RATE_LIMITED, retry_after=3), times=2)
    simulator.fail_next(GatewayError(Reason.UNKNOWN, ambiguous=True), arrives=True)
    seen = []
    for number in range(4):
        try:
            await simulator.send(sms(text=str(number)))
        except GatewayError as error:
            seen.append(error.reason)
    assert seen == [Reason.RATE_LIMITED, Reason.RATE_LIMITED, Reason.UNKNOWN]
    assert [message.text for message in simulator.messages] == ["2", "3"]


async def test_delay_and_reset() -> None:
    simulator = SimulatorGateway()
    simulator.delay = 5
    simulator.fail_next(GatewayError(Reason.UNKNOWN))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(simulator.send(sms()), 0.02)
    simulator.reset()
    await asyncio.wait_for(simulator.send(sms()), 1)
    assert len(simulator.messages) == 1


async def test_listeners(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    simulator = SimulatorGateway()
    seen: list[SimulatedSms] = []

    def broken(message: SimulatedSms) -> None:
        raise ValueError(message.text)

    simulator.on_message(broken)
    stop = simulator.on_message(seen.append)
    await simulator.send(sms())
    stop()
    stop()
    await simulator.send(sms())
    assert seen == [simulator.messages[0]]
    assert "ValueError" in caplog.text
    assert TEXT not in caplog.text


async def test_other_questions_are_not_answered() -> None:
    simulator = SimulatorGateway()
    with pytest.raises(NotImplementedError, match="own id"):
        await simulator.find("msg_1")
