"""Follows docs/how-to/add-a-gateway.md to the letter: two files, an entry point, a whole server."""

from __future__ import annotations

import hmac
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from enum_backend.errors import SettingsError
from enum_backend.gateways import Capabilities, Gateway, Provider, TelnyxGateway
from enum_backend.gateways.inventory.telnyx import TelnyxInventory
from enum_backend.gateways.providers import BUILT_IN, providers
from enum_backend.gateways.webhooks.telnyx import TelnyxWebhook
from enum_backend.gateways.webhooks.twilio import TwilioWebhook
from enum_backend.storage.tables import inbox, outbox
from enum_backend.testing import RunningServer, running_server
from tests.unit.gateways.wire_server import Answer, WireServer

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "how-to" / "add-a-gateway.md"
BLOCK = re.compile(r"^### `([^`]+)`\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OURS, THEIRS = "+15550100001", "+14155550134"
SECRET = "YOUR-WEBHOOK-SECRET"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `pip install acme-sms` would leave it, with the page's tests."""
    folder = tmp_path_factory.mktemp("acme")
    blocks = dict(BLOCK.findall(PAGE.read_text("utf-8")))
    assert set(blocks) == {
        "acme_sms/gateway.py",
        "acme_sms/webhook.py",
        "pyproject.toml",
        "settings.toml",
        "tests/test_acme.py",
    }
    for name, content in blocks.items():
        path = folder / name.replace("tests/", "acme_tests/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, "utf-8")
    project = tomllib.loads(blocks["pyproject.toml"])["project"]
    metadata = folder / "acme_sms-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-sms\nVersion: 1.0\n")
    points = project["entry-points"]["enum_backend.gateways"]
    lines = [f"{name} = {target}" for name, target in points.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[enum_backend.gateways]", *lines]))
    return folder


@pytest.fixture
def installed(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package is there for this process."""
    monkeypatch.syspath_prepend(str(package))
    providers.cache_clear()
    yield
    providers.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme_sms"]:
        del sys.modules[name]


def python(package: Path, *arguments: str) -> str:
    """What a Python that has the package prints."""
    path = os.pathsep.join([str(package), str(ROOT)])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=package,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_shared_cases_pass(package: Path) -> None:
    options = ("-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"))
    output = python(package, "-m", "pytest", *options, "acme_tests/test_acme.py")
    passed = re.search(r"(\d+) passed", output)
    assert passed is not None
    assert int(passed[1]) > 60


def test_the_matrix_sees_it(package: Path) -> None:
    script = "import sys; sys.path.insert(0, 'scripts'); import reference_docs as r; print({})"
    code = script.replace("'scripts'", repr(str(ROOT / "scripts")))
    rows = python(package, "-c", code.format("r.gateways()")).splitlines()
    (row,) = [row for row in rows if row.startswith("| `acme` ")]
    assert row == "| `acme` |  |  |  | yes | yes |  |  |  | 1600 |"
    options = python(package, "-c", code.format("r.gateway_options()"))
    assert "`acme` (needs `token`, `from`)" in options
    assert "| `webhook_secret` |  | signs webhooks |" in options


def test_the_files_are_typed(package: Path) -> None:
    python(package, "-m", "mypy", "--strict", "--cache-dir", os.devnull, "-p", "acme_sms")


@pytest.fixture
async def acme() -> AsyncIterator[WireServer]:
    async with WireServer() as server:
        server.answers = [Answer.json({"id": "a1"}, 202)]
        yield server


@pytest.fixture
async def server(package: Path, installed: None, acme: WireServer) -> AsyncIterator[RunningServer]:
    tables = tomllib.loads((package / "settings.toml").read_text())["gateways"]
    tables["acme"]["base_url"] = acme.url
    async with running_server({}, settings={"mode": None, "gateways": tables}) as running:
        yield running


async def rows(server: RunningServer, table: Any) -> list[Any]:
    return await server.services.database.read(lambda c: list(c.execute(select(table))))


async def post(server: RunningServer, event: dict[str, Any], secret: str = SECRET) -> int:
    body, stamp = json.dumps(event).encode(), str(int(time.time()))
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, "sha256").hexdigest()
    headers = {"X-Acme-Time": stamp, "X-Acme-Signature": signature}
    async with (
        aiohttp.ClientSession(server.http_url) as http,
        http.post("/sms/webhook/acme/acme", data=body, headers=headers) as response,
    ):
        return response.status


async def state(server: RunningServer, wanted: str) -> None:
    """Wait until the only message is in a state."""
    import asyncio

    async with asyncio.timeout(5):
        while [row.state for row in await rows(server, outbox)] != [wanted]:
            await asyncio.sleep(0.01)


async def test_a_server_sends_and_receives(server: RunningServer, acme: WireServer) -> None:
    assert server.services.pool.mode == "live"
    async with (
        aiohttp.ClientSession(server.http_url, headers=server.headers) as http,
        http.post("/sms/send", json={"to": THEIRS, "message": "Hello"}) as response,
    ):
        sent = await response.json()
        assert (response.status, sent["provider"]) == (200, "acme")
    await state(server, "sent")
    (request,) = acme.requests
    assert request.headers["authorization"] == "Bearer YOUR-TOKEN"
    assert request.json() == {
        "from": OURS,
        "to": THEIRS,
        "text": "Hello",
        "reference": sent["message_id"],
    }
    assert await post(server, {"event": "report", "id": "a1", "status": "delivered"}) == 200
    await state(server, "delivered")
    event = {"event": "received", "id": "r1", "from": THEIRS, "to": OURS, "text": "Hi"}
    assert await post(server, event, "another secret") == 401
    assert await rows(server, inbox) == []
    assert await post(server, event) == 200
    assert await post(server, event) == 200
    (row,) = await rows(server, inbox)
    assert (row.gateway, row.sender, row.to_number) == ("acme", THEIRS, OURS)


# What goes wrong when something is registered.


def point(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    """One installed entry point."""

    class Point:
        name, value = "acme", "acme_sms:PROVIDER"

        def load(self) -> Any:
            if isinstance(value, Exception):
                raise value
            return value

    monkeypatch.setattr("enum_backend.gateways.providers.entry_points", lambda group: [Point()])
    providers.cache_clear()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (ImportError("no module"), "provider acme: cannot be loaded: no module"),
        (TelnyxGateway, "acme_sms:PROVIDER is no Provider"),
        (BUILT_IN[0], "there is already a 'android'"),
    ],
)
def test_a_package_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, value: Any, why: str
) -> None:
    point(monkeypatch, value)
    try:
        with pytest.raises(SettingsError, match=why):
            providers()
    finally:
        providers.cache_clear()


def test_parts_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="TwilioWebhook is of provider 'twilio'"):
        Provider(TelnyxGateway, TwilioWebhook)
    with pytest.raises(ValueError, match="TelnyxGateway declares inbound, nothing does it"):
        Provider(TelnyxGateway)
    with pytest.raises(ValueError, match="declares line_type"):
        Provider(TelnyxGateway, TelnyxWebhook, TelnyxInventory)


def test_built_in_providers_are_there_once() -> None:
    names = [provider.name for provider in BUILT_IN]
    assert len(set(names)) == len(names)
    assert set(names) <= set(providers())
    assert issubclass(providers()["telnyx"].gateway, Gateway)
    assert providers()["telnyx"].gateway.capabilities != Capabilities()
