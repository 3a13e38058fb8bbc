"""`numbers ...` and `costs`: against a running server and a provider on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from enum_backend.cli.numbers_text import check_text
from enum_backend.testing import RunningServer, running_server
from tests.integration.cli.conftest import Invoke, document
from tests.telnyx_numbers import NUMBER, FakeTelnyx, fake_telnyx
from tests.unit.gateways.wire_server import Answer, WireServer


@pytest.fixture
async def telnyx() -> AsyncIterator[FakeTelnyx]:
    async with fake_telnyx() as fake:
        yield fake


@pytest.fixture
async def server(
    telnyx: FakeTelnyx, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningServer]:
    settings = {
        "mode": "live",
        "public_base_url": "https://sms.example.org",
        "gateways": {"telnyx": telnyx.settings()},
    }
    async with running_server({}, settings=settings) as running:
        monkeypatch.setenv("ENUM_BACKEND_API_URL", running.http_url)
        monkeypatch.setenv("ENUM_BACKEND_API_KEY", running.api_key)
        yield running


@pytest.fixture
def gateway_config(telnyx: FakeTelnyx, folder: Path) -> str:
    """Settings with the same gateway, for the commands that need no server."""
    path = folder / "gateway.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in telnyx.settings().items()]
    path.write_text("\n".join(["[gateways.telnyx]", *lines]))
    return str(path)


async def run(invoke: Invoke, *arguments: str, code: int = 0) -> Result:
    return await asyncio.to_thread(invoke, *arguments, code=code)


async def numbers(invoke: Invoke, *arguments: str, code: int = 0) -> Any:
    return document(await run(invoke, "numbers", *arguments, "--json", code=code))


async def test_buy_list_release(server: RunningServer, telnyx: FakeTelnyx, invoke: Invoke) -> None:
    refused = await run(invoke, "numbers", "buy", NUMBER, code=1)
    assert "confirm it: the number costs 2.00 USD at once" in refused.stderr
    bought = await run(invoke, "numbers", "buy", NUMBER, "--gateway", "telnyx", "--price", "2")
    assert bought.stdout == f"{NUMBER} is yours (gateway telnyx)\n"
    listed = (await run(invoke, "numbers", "list")).stdout
    assert NUMBER in listed
    assert "bought" in listed
    assert (await numbers(invoke, "list"))["numbers"][0]["number"] == NUMBER
    unsure = await run(invoke, "numbers", "release", NUMBER, code=1)
    assert "confirm with --yes" in unsure.stderr
    gone = await run(invoke, "numbers", "release", NUMBER, "--yes")
    assert gone.stdout == f"{NUMBER} is released\n"
    answer = await numbers(invoke, "release", NUMBER, "--yes", code=1)
    assert answer["error_code"] == "NOT_FOUND"
    assert telnyx.owned == {}


async def test_import(server: RunningServer, telnyx: FakeTelnyx, invoke: Invoke) -> None:
    telnyx.owned = {NUMBER: "active", "+14155550102": "active"}
    text = (await run(invoke, "numbers", "import", "--gateway", "telnyx")).stdout
    assert text == "2 new, 0 known\n"
    del telnyx.owned[NUMBER]
    text = (await run(invoke, "numbers", "import", "--tenant", "acme")).stdout
    assert "+14155550102: belong to another gateway or tenant and stay there" in text
    assert f"{NUMBER}: are no longer in the account" in text


async def test_a_pending_order(server: RunningServer, telnyx: FakeTelnyx, invoke: Invoke) -> None:
    server.services.numbers._buyer._wait = 0.05
    telnyx.order_states = ["pending"] * 50
    text = (await run(invoke, "numbers", "buy", NUMBER, "--yes")).stdout
    assert "is ordered, not yours yet" in text


async def test_check(server: RunningServer, invoke: Invoke) -> None:
    loop = server.services.numbers._loop
    loop._wait, loop._pause = 0.1, 0.02
    result = await run(invoke, "numbers", "check", "+14155550100", code=1)
    assert "nothing came in within" in result.stdout
    arrived = {"number": NUMBER, "arrived": True, "seconds": 1.5}
    assert check_text(arrived) == f"{NUMBER}: came back after 1.5 s"


async def test_search_needs_no_server(invoke: Invoke, gateway_config: str) -> None:
    arguments = ("search", "--area-code", "415", "--config", gateway_config)
    text = (await run(invoke, "numbers", *arguments)).stdout
    assert text.split() == [
        NUMBER,
        *["telnyx", "1.00", "USD", "a", "month", "0.50", "USD", "once", "sms"],
    ]
    found = await numbers(invoke, *arguments, "--gateway", "telnyx", "--country", "us")
    assert found["numbers"][0]["number"] == NUMBER
    refused = await numbers(invoke, *arguments, "--features", "fax", code=1)
    assert refused["error_code"] == "VALIDATION_FAILED"
    refused = await numbers(invoke, "search", code=1)
    assert refused["error_code"] == "GATEWAY_NOT_CONFIGURED"


async def test_searches_that_fail_are_told(
    invoke: Invoke, telnyx: FakeTelnyx, gateway_config: str
) -> None:
    path = Path(gateway_config)
    path.write_text(path.read_text().replace("KEY0123456789", "KEYother00000"))
    result = await run(invoke, "numbers", "search", "--config", gateway_config, code=1)
    assert result.stdout == "telnyx: auth_failed HTTP 401: Authentication failed\n"
    assert (await numbers(invoke, "search", "--config", gateway_config, code=1))["failures"]


async def test_classify(invoke: Invoke, gateway_config: str) -> None:
    text = (await run(invoke, "numbers", "classify", "+14155552671")).stdout
    assert "fixed or mobile  US" in text
    assert "accepted where VoIP is refused: cannot be told" in text
    assert "only a live look-up can tell them apart" in text
    assert "look-up: not asked" in text
    arguments = ("classify", "+14155552671", "--live", "--config", gateway_config)
    text = (await run(invoke, "numbers", *arguments)).stdout
    assert "unlikely; a live look-up says it is a voip number" in text
    assert "look-up by telnyx: voip, Carrier" in text
    text = (await run(invoke, "numbers", "classify", "+447911123456")).stdout
    assert "likely; the numbering plan says it is a mobile number" in text
    assert "range of JT" in text
    text = (await run(invoke, "numbers", "classify", "+14150000000")).stdout
    assert "not a valid number" in text
    assert "no country" in (await run(invoke, "numbers", "classify", "+80012345678")).stdout
    refused = await numbers(invoke, "classify", "12", code=1)
    assert refused["error_code"] == "INVALID_PHONE_FORMAT"


async def test_no_server_and_no_key(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no API key" in (await numbers(invoke, "list", code=1))["error"]
    monkeypatch.setenv("ENUM_BACKEND_API_KEY", "ebk_canary")
    monkeypatch.setenv("ENUM_BACKEND_API_URL", "http://127.0.0.1:1")
    refused = await run(invoke, "numbers", "list", code=1)
    assert "start it with: enum-backend serve" in refused.stderr
    assert "canary" not in refused.output
    async with WireServer() as other:
        monkeypatch.setenv("ENUM_BACKEND_API_URL", other.url)
        other.answers = [Answer(200, b"[]"), Answer(200, b"<html>"), Answer(500, b"{}")]
        for why in ("is not enum-backend", "JSONDecodeError", "answered HTTP 500"):
            assert why in (await numbers(invoke, "list", code=1))["error"]


def test_costs(invoke: Invoke) -> None:
    result = invoke("costs", "--numbers", "100", "--codes-per-day", "10", "--json")
    found = {item["provider"]: item for item in document(result)["providers"]}
    assert found["telnyx"]["monthly"] == "320.00"
    assert found["bandwidth"]["monthly"] == "145.00"
    assert (found["android"]["monthly"], found["android"]["once"]) == ("2000.00", "5000.00")
    lines = invoke("costs", "--android-sims", "10").stdout.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines[3:] if line}
    assert rows["telnyx"][0] == "320.00"
    assert rows["bandwidth"][0] == "145.00"
    assert (rows["android"][0], rows["android"][-1]) == ("200.00", "500.00")
    assert "prices as of" in lines[0]


def test_a_price_list_of_ones_own(invoke: Invoke, folder: Path) -> None:
    listed = 'as_of = "2026-01-01"\ncurrency = "USD"\n[acme]\nsource = "x"\nnumber_month = 3\n'
    (folder / "own.toml").write_text(listed)
    (folder / "settings.toml").write_text("prices_file = 'own.toml'\n")
    shown = document(invoke("costs", "--json", "--config", "settings.toml"))
    assert [item["monthly"] for item in shown["providers"]] == ["300.00"]
    (folder / "own.toml").write_text("")
    refused = document(invoke("costs", "--json", "--config", "settings.toml", code=1))
    assert refused["error_code"] == "SETTINGS_INVALID"
    invoke("costs", "--numbers", "0", code=2)
