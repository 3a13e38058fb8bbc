"""`get_sms_verifier`: what Python programs verify numbers with."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from enum_backend.testing import RunningServer, running_server
from enum_backend.verification import SmsVerifier, get_sms_verifier, sms_verifier
from tests.unit.gateways.wire_server import closed_port

TO = "+14155550101"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ENUM_BACKEND_API_URL", "AGENTPASS_API_URL", "ENUM_BACKEND_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sms_verifier, "KEPT_SECONDS", 0.0)


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running_server({}) as running:
        yield running


@pytest.fixture
def verifier(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> SmsVerifier:
    monkeypatch.setenv("AGENTPASS_API_URL", server.http_url + "/")
    monkeypatch.setenv("ENUM_BACKEND_API_KEY", server.api_key)
    return get_sms_verifier()


async def sent_code(server: RunningServer, count: int = 1) -> str:
    message = (await server.wait_for_messages(count, seconds=30))[-1]
    (code,) = re.findall(r"\d{6}", message.text)
    return str(code)


async def test_send_and_check(server: RunningServer, verifier: SmsVerifier) -> None:
    sent = await verifier.send_verification_sms(TO, "Example")
    assert sent["success"] is True
    assert sent["message_id"].startswith("msg_")
    code = await sent_code(server)
    assert server.messages[0].text.startswith(f"Example: {code} is ")
    wrong = await verifier.check(sent["verification_id"], "000000")
    assert (wrong["success"], wrong["error_code"]) == (False, "CODE_INVALID")
    assert wrong["error"]
    right = await verifier.check(sent["verification_id"], code)
    assert right == {"success": True, "status": "approved"}


async def test_check_by_number_and_message(server: RunningServer, verifier: SmsVerifier) -> None:
    await verifier.send_verification_sms("(415) 555-0101")
    assert (await verifier.check("(415) 555-0101", await sent_code(server)))["success"]
    sent = await verifier.send_verification_sms("+14155550102")
    assert (await verifier.check(sent["message_id"], await sent_code(server, 2)))["success"]
    # Another program knows the number only.
    await verifier.send_verification_sms("+14155550103")
    other = get_sms_verifier(server.http_url, await server.create_key("verify"))
    assert other is not verifier
    assert (await other.check("+14155550103", await sent_code(server, 3)))["success"]


async def test_refusals(verifier: SmsVerifier) -> None:
    refused = await verifier.send_verification_sms("12")
    assert refused["success"] is False
    assert (refused["message_id"], refused["error_code"]) == (None, "INVALID_PHONE_FORMAT")
    await verifier.send_verification_sms(TO, purpose="TWO_FACTOR_AUTH", subject="user_1")
    early = await verifier.send_verification_sms(TO, purpose="TWO_FACTOR_AUTH", subject="user_1")
    assert early["error_code"] == "RATE_LIMIT_EXCEEDED"


async def test_what_the_server_does(server: RunningServer, verifier: SmsVerifier) -> None:
    sent = await verifier.send_verification_sms(TO)
    await verifier.check(sent["verification_id"], "000000")
    await verifier.check(sent["verification_id"], await sent_code(server))
    await verifier.send_verification_sms("12")
    # From a program without a loop, or whose loop is not the server's.
    statistics = await asyncio.to_thread(verifier.get_statistics)
    assert {name: statistics[name] for name in ("sent", "failed", "approved", "refused")} == {
        "sent": 1,
        "failed": 1,
        "approved": 1,
        "refused": 1,
    }
    assert statistics["server"]["verified"] == 1
    status = await asyncio.to_thread(verifier.get_pool_status)
    assert status == {"available": True, "status": "ready", "mode": "simulation"}
    assert await asyncio.to_thread(lambda: verifier.pool_available)


async def test_server_in_the_same_loop(
    verifier: SmsVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot answer while we wait; nothing hangs, and after `refresh` nobody waits."""
    monkeypatch.setattr(sms_verifier, "LOOK_SECONDS", 0.05)
    assert verifier.pool_available
    assert verifier.get_pool_status()["status"] == "unknown"
    assert verifier.get_statistics()["server"] == {}
    monkeypatch.setattr(sms_verifier, "KEPT_SECONDS", 60.0)
    await verifier.refresh()
    assert verifier.get_pool_status()["mode"] == "simulation"
    assert verifier.get_statistics()["server"]["started"] == 0


async def test_disabled() -> None:
    async with running_server({}, settings={"mode": "disabled"}) as server:
        verifier = get_sms_verifier(server.http_url, server.api_key)
        await verifier.refresh()
        assert (await asyncio.to_thread(lambda: verifier.pool_available)) is False
        refused = await verifier.send_verification_sms(TO)
        assert refused["error_code"] == "SMS_DISABLED"


async def test_no_server() -> None:
    verifier = get_sms_verifier(f"http://127.0.0.1:{closed_port()}", "ebk_none")
    answer = await verifier.send_verification_sms(TO)
    assert answer["success"] is False
    assert answer["error_code"] == "NO_SERVER"
    assert verifier.pool_available is False
    assert "error" in verifier.get_pool_status()
    assert verifier.get_statistics()["server"]["error_code"] == "NO_SERVER"
    assert (await verifier.check(TO, "123456"))["error_code"] == "NO_SERVER"


async def test_same_server_same_object(monkeypatch: pytest.MonkeyPatch) -> None:
    assert get_sms_verifier("http://x.example", "k") is get_sms_verifier("http://x.example/", "k")
    Path(".env").write_text("ENUM_BACKEND_API_URL=http://y.example\nENUM_BACKEND_API_KEY=k\n")
    assert get_sms_verifier() is get_sms_verifier("http://y.example", "k")


async def test_server_of_the_settings(server: RunningServer) -> None:
    Path("data").mkdir()
    Path("data/cli-key").write_text(server.api_key)
    Path(".env").write_text(f"ENUM_BACKEND_HTTP__PORT={server.http_port}\n")
    assert (await get_sms_verifier().send_verification_sms(TO))["success"] is True


async def test_never_started_here(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text(
        f"ENUM_BACKEND_HTTP__HOST=::\nENUM_BACKEND_HTTP__PORT={closed_port()}\n"
    )
    answer = await get_sms_verifier().send_verification_sms(TO)
    assert answer["error_code"] == "NO_SERVER"


async def test_only_so_many_are_remembered(
    server: RunningServer, verifier: SmsVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sms_verifier, "_REMEMBERED", 2)
    for n in range(3):
        verifier._remember(f"ver_{n}", f"+1415555010{n}", f"msg_{n}")
    assert verifier._ids == {"+14155550102": "ver_2", "msg_2": "ver_2"}
