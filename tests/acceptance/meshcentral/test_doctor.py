"""`mesh doctor` on the MeshCentral that runs, and on the way of its SMS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.meshcentral.control import LoginRefused, control
from tests.acceptance.meshcentral.provider import Provider
from tests.acceptance.meshcentral.server import MeshCentral
from tests.serving import Serving, enum_backend

NUMBER = "+14155550180"


async def doctor(mesh: MeshCentral, home: Path, *arguments: str, code: int) -> dict[str, Any]:
    """Check -> level and message, once its exit code is as expected."""
    exit_code, output, errors = await enum_backend(
        *("mesh", "doctor", "--config", str(mesh.config), "--json", *arguments), cwd=home
    )
    assert exit_code == code, (output, errors)
    document = json.loads(output)
    return {item["check"]: (item["level"], item["message"]) for item in document["findings"]}


async def test_ready(mesh: MeshCentral, backend: Serving, home: Path, provider: Provider) -> None:
    found = await doctor(mesh, home, "--url", backend.http_url, "--to", NUMBER, code=0)
    assert {check: level for check, (level, _) in found.items()} == {
        "config.json": "ok",
        "shim": "ok",
        "shim token": "ok",
        "test message": "ok",
    }
    assert "Test message" in (await provider.next_to(NUMBER)).text


async def test_the_address_that_browsers_open(mesh: MeshCentral, home: Path) -> None:
    """By its number it is another origin, and the server says so too."""
    with pytest.raises(LoginRefused, match="invalidorigin"):
        async with control(mesh, origin=mesh.url):
            pass
    found = await doctor(mesh, home, "--url", mesh.url, code=1)
    level, message = found["domains"]
    assert level == "problem"
    assert "origin-mismatch" in message
    assert found["MeshCentral"][0] == "problem"
    assert found["shim token"][0] == "ok"
