"""The server keeps what its OpenAPI document promises, whatever it is asked.

Schemathesis makes requests from the document, right and wrong ones, and looks at every
answer: never a 500, only statuses, types and bodies that the document names. `make fuzz`
makes many more of them.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import settings

from enum_backend.accounts.model import Origin
from enum_backend.testing import RunningServer, running_server

EXAMPLES = 5
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
LEFT_OUT = ("/sms/stream", "/api/auth/logout")
"""The one never ends, the other ends the session that asks."""

CONFIG = """
[checks]
# What the document says of 502 and 503 is checked like any other status.
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "502", "503"]
"""
OPEN = {
    "limits": {
        "per_client_minute": 0,
        "per_recipient_hour": 0,
        "per_recipient_day": 0,
        "daily_cost": "0",
    }
}
"""Limits would hide what lies behind them."""


@pytest.mark.timeout(3600 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 240)
@pytest.mark.parametrize(
    ("caller", "limits"),
    [("key", OPEN), ("session", {}), ("nobody", {})],
)
async def test_openapi_properties(caller: str, limits: dict[str, Any], tmp_path: Path) -> None:
    async with running_server(settings=limits) as server:
        headers, only = {}, []
        if caller == "key":
            headers = server.headers
        elif caller == "session":
            headers = {"Authorization": f"Bearer {await _session(server)}"}
            only = ["--include-path-regex=^/api/"]  # the others know no sessions
        code, output = await _schemathesis(server.http_url, headers, tmp_path, only)
        async with aiohttp.ClientSession(server.http_url) as http, http.get("/livez") as response:
            assert response.status == 200
    assert code == 0, output


async def _session(server: RunningServer) -> str:
    accounts = server.services.accounts
    user = await accounts.users.create("admin@example.org", "correct horse battery", is_admin=True)
    return (await accounts.begin(user, Origin("127.0.0.1"))).token


async def _schemathesis(
    url: str, headers: dict[str, str], folder: Path, options: Sequence[str]
) -> tuple[int | None, str]:
    """Exit code and report of one run; `options` are further ones of the command."""
    (folder / "schemathesis.toml").write_text(CONFIG, "utf-8")
    async with aiohttp.ClientSession(url) as http, http.get("/openapi.json") as response:
        (folder / "openapi.json").write_bytes(await response.read())
    profile = os.environ.get("HYPOTHESIS_PROFILE", "default")
    examples = settings.get_profile(profile).max_examples // 20 if profile == "fuzz" else EXAMPLES
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", "openapi.json"),
        *("--url", url, "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
        *("--max-examples", str(examples), "--request-timeout", "30", "--continue-on-failure"),
        *("--suppress-health-check", "all", "--generation-database", "none", "--no-color"),
        *("--warnings", "off", "--seed", "20" if profile != "fuzz" else str(os.getpid())),
        *(f"--exclude-path={path}" for path in LEFT_OUT),
        *options,
        *(f"--header={name}:{value}" for name, value in headers.items()),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, output.decode(errors="replace")
