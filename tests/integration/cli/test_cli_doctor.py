"""`doctor` and `health`: as a user meets them, with a server and a provider on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from enum_backend.testing import running_server
from tests.integration.cli.conftest import Invoke, document
from tests.telnyx_numbers import KEY, FakeTelnyx, fake_telnyx
from tests.unit.gateways.wire_server import Answer, WireServer, closed_port


@pytest.fixture
async def telnyx() -> AsyncIterator[FakeTelnyx]:
    async with fake_telnyx() as fake:
        yield fake


@pytest.fixture(autouse=True)
def _nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENUM_BACKEND_API_URL", f"http://127.0.0.1:{closed_port()}")


def settings(folder: Path, gateway: dict[str, Any] | None = None, head: str = "") -> str:
    """A settings file with records of its own and perhaps one gateway."""
    (folder / "records.json").write_text("{}")
    lines = ["data_dir = 'data'", head, "[nvs]", "file = 'records.json'"]
    if gateway is not None:
        lines.append("[gateways.telnyx]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in gateway.items()]
    path = folder / "doctor.toml"
    path.write_text("\n".join(lines))
    return str(path)


def healthy(telnyx: FakeTelnyx) -> dict[str, Any]:
    key = "A" * 43 + "="  # 32 octets
    return telnyx.settings(public_key=key)


async def run(invoke: Invoke, *arguments: str, code: int = 0) -> Result:
    return await asyncio.to_thread(invoke, *arguments, code=code)


async def findings(invoke: Invoke, *arguments: str, code: int = 0) -> dict[str, Any]:
    report = document(await run(invoke, "doctor", "--json", *arguments, code=code))
    found = {item["check"]: item for item in report["findings"]}
    found["verdict"] = report["verdict"]
    assert report["success"] is (code == 0)
    for item in report["findings"]:
        assert item["fix"] or item["level"] in ("ok", "note")
    return found


PUBLIC = "public_base_url = 'https://sms.example.org'"


async def test_ready(invoke: Invoke, folder: Path, telnyx: FakeTelnyx) -> None:
    config = settings(folder, healthy(telnyx), PUBLIC)
    found = await findings(invoke, "--config", config)
    assert found["verdict"] == "READY"
    assert found["mode"]["message"] == "live (derived from the gateways)"
    assert found["gateway telnyx: login"]["message"] == "accepted, balance 12.34 USD"
    assert found["default chain"]["message"] == "telnyx"
    assert found["webhooks"]["level"] == "ok"
    assert found["server"]["level"] == "note"
    text = (await run(invoke, "doctor", "--config", config)).stdout
    assert text.endswith("\nVerdict: READY\n")
    assert KEY not in text
    assert not (folder / "data").exists()


async def test_nothing_is_configured(invoke: Invoke) -> None:
    found = await findings(invoke, code=1)
    assert found["verdict"] == "DEGRADED"
    assert "nothing is really sent" in found["mode"]["message"]
    assert found["records (file)"]["message"] == "the sample records"
    text = (await run(invoke, "doctor", code=1)).stdout
    assert "      fix: configure a gateway\n" in text
    assert text.endswith("Verdict: DEGRADED\n")


async def test_settings_that_cannot_be_read(invoke: Invoke, folder: Path) -> None:
    (folder / "wrong.toml").write_text("mdoe = 'live'")
    found = await findings(invoke, "--config", "wrong.toml", code=1)
    assert found["verdict"] == "NOT READY"
    assert 'did you mean "mode"' in found["settings"]["message"]
    (folder / "wrong.toml").write_text("[gateways.telnyx]\napi_kee = 'x'")
    found = await findings(invoke, "--config", "wrong.toml", code=1)
    assert "api_kee" in found["settings"]["message"]


async def test_wrong_credentials(invoke: Invoke, folder: Path, telnyx: FakeTelnyx) -> None:
    gateway = healthy(telnyx) | {"api_key": "canary"}
    found = await findings(invoke, "--config", settings(folder, gateway), code=1)
    assert found["verdict"] == "NOT READY"
    assert found["gateway telnyx: login"]["level"] == "problem"
    assert "expected KEY and" in found["gateway telnyx: api_key"]["message"]
    assert "canary" not in json.dumps(found)
    assert found["webhooks"]["message"] == "public_base_url is not set: nothing can come in"


async def test_half_set(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_SID", "AC123")
    found = await findings(invoke, code=1)
    assert found["verdict"] == "NOT READY"
    assert found["mode"]["level"] == "problem"
    assert "lacks auth_token, from" in found["gateway twilio"]["message"]


async def test_with_a_server(
    invoke: Invoke, folder: Path, telnyx: FakeTelnyx, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_server(
        {}, settings={"mode": "live", "gateways": {"telnyx": telnyx.settings()}}
    ) as server:
        monkeypatch.setenv("ENUM_BACKEND_API_URL", server.http_url)
        monkeypatch.setenv("ENUM_BACKEND_API_KEY", server.api_key)
        config = settings(folder, healthy(telnyx), PUBLIC)
        found = await findings(invoke, "--config", config, "--live-send", "(415) 555-0134")
        assert "ready at http://127.0.0.1" in found["server"]["message"]
        assert found["live send"]["level"] == "ok"
        assert "(gateway telnyx)" in found["live send"]["message"]
        (sms,) = telnyx.sent
        assert sms["to"] == "+14155550134"
        found = await findings(invoke, "--config", config, "--live-send", "+19002345678", code=1)
        assert found["live send"]["message"].startswith("FORBIDDEN: ")
        refused = await run(invoke, "doctor", "--live-send", "12", code=1)
        assert "is too short" in refused.stderr
        text = (await run(invoke, "health")).stdout
        assert text == f"ready at {server.http_url}\n"
        assert document(await run(invoke, "health", "--json"))["mode"] == "live"


async def test_live_send_in_a_simulation_or_without_a_server(
    invoke: Invoke, folder: Path, telnyx: FakeTelnyx, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(folder, healthy(telnyx), PUBLIC)
    arguments = ("--config", config, "--live-send", "+14155550134")
    refused = document(await run(invoke, "doctor", "--json", *arguments, code=1))
    assert "no API key" in refused["error"]
    monkeypatch.setenv("ENUM_BACKEND_API_KEY", "ebk_x")
    found = await findings(invoke, *arguments, code=1)
    assert found["live send"]["level"] == "problem"
    async with running_server({}) as server:
        monkeypatch.setenv("ENUM_BACKEND_API_URL", server.http_url)
        monkeypatch.setenv("ENUM_BACKEND_API_KEY", server.api_key)
        found = await findings(invoke, *arguments, code=1)
        assert found["live send"]["message"].endswith("(gateway simulator): simulated")
        assert found["verdict"] == "DEGRADED"


async def test_health_of_what_is_not_there_or_not_well(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "start it with" in (await run(invoke, "health", code=1)).stderr
    async with WireServer() as other:
        monkeypatch.setenv("ENUM_BACKEND_API_URL", other.url)
        other.answers = [Answer.json({"status": "not ready", "mode": "live"}, 503)]
        result = await run(invoke, "health", code=1)
        assert result.stdout == f"not ready at {other.url}\n"
        other.answers = [Answer.json({}, 404)]
        assert (await run(invoke, "health", code=1)).stdout == f"HTTP 404 at {other.url}\n"
