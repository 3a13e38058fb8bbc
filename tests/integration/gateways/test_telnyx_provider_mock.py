"""Our Telnyx requests against a validating mock of the published API document.

The mock (`shared/tools/provider-mock` beside the checkout) needs node and npm and
installs itself on first use.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from enum_backend.gateways import GatewayError, OutboundSms, Reason, TelnyxGateway

TOOL = Path(__file__).resolve().parents[4] / "shared" / "tools" / "provider-mock"
FIRST_START = 300.0
"""Seconds; npm installs the mock."""

pytestmark = pytest.mark.timeout(FIRST_START + 60)


@pytest.fixture(scope="module")
def mock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not TOOL.is_file():
        pytest.skip(f"no provider mock at {TOOL}")
    lacking = [program for program in ("bash", "node", "npm") if shutil.which(program) is None]
    if lacking:
        explain = f"the provider mock needs {', '.join(lacking)}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(explain)
        pytest.skip(explain)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("mock") / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", str(TOOL), "telnyx", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_for(port, process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + FIRST_START
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the provider mock did not start:\n{log.read_text(errors='replace')[-2000:]}")


def sms(sender: str | None = None) -> OutboundSms:
    return OutboundSms("msg_1", "+15550100002", "Hello from the test: ä €", sender)


async def test_request_is_accepted(mock_url: str) -> None:
    gateway = TelnyxGateway(
        api_key="KEYtest",
        sender="+15550100001",
        webhook_url="https://sms.example.org/sms/webhook/telnyx",
        webhook_failover_url="https://sms2.example.org/sms/webhook/telnyx",
        base_url=mock_url,
    )
    try:
        result = await asyncio.wait_for(gateway.send(sms()), 30)
        assert result.provider_message_id
        status = await asyncio.wait_for(gateway.status(result.provider_message_id), 30)
    finally:
        await gateway.close()
    assert status.status


async def test_request_by_profile_is_accepted(mock_url: str) -> None:
    gateway = TelnyxGateway(
        api_key="KEYtest",
        messaging_profile_id="abc85f64-5717-4562-b3fc-2c9600000000",
        base_url=mock_url,
    )
    try:
        assert await asyncio.wait_for(gateway.send(sms(sender="Example")), 30)
        assert await asyncio.wait_for(gateway.send(sms()), 30)
    finally:
        await gateway.close()


class _WithoutRecipient(TelnyxGateway):
    def _payload(self, sms: OutboundSms) -> dict[str, str]:
        payload = super()._payload(sms)
        del payload["to"]
        return payload


class _WithoutKey(TelnyxGateway):
    def _headers(self) -> dict[str, str]:
        return {}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [(_WithoutRecipient, Reason.INVALID_REQUEST), (_WithoutKey, Reason.AUTH_FAILED)],
)
async def test_broken_request_is_refused(
    mock_url: str, broken: type[TelnyxGateway], reason: Reason
) -> None:
    gateway = broken(api_key="KEYtest", sender="+15550100001", base_url=mock_url)
    try:
        with pytest.raises(GatewayError) as caught:
            await asyncio.wait_for(gateway.send(sms()), 30)
    finally:
        await gateway.close()
    assert caught.value.reason is reason
    assert not caught.value.ambiguous
