"""Runs `enum-backend serve` as a process of its own, as a user would."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

START_SECONDS = 30.0
STOP_SECONDS = 20.0
OURS = re.compile(r"(ENUM_BACKEND_|AGENTPASS_|TELNYX_|TWILIO_|PLIVO_|SMS_|DATABASE_URL|REDIS_)")
PROGRAM = [sys.executable, "-c", "from enum_backend.cli import main; main()"]


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what would set something."""
    return {key: value for key, value in os.environ.items() if not OURS.match(key)} | more


async def enum_backend(
    *arguments: str, cwd: Path, seconds: float = 30.0, **variables: str
) -> tuple[int, str, str]:
    """Exit code, output and errors of one command."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *arguments,
        cwd=cwd,
        env=environment(**variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


class Serving:
    """A running `enum-backend serve --json`."""

    def __init__(self, process: asyncio.subprocess.Process, started: Mapping[str, Any]) -> None:
        self.process = process
        self.started = started
        self.mode: str = started["mode"]
        self.http_url: str = started["http_url"]
        self.dns_port: int = started["dns"]["port"]
        self.key_file = Path(started["api_key_file"])
        self.api_key = self.key_file.read_text("ascii").strip()
        self.shim_url: str = started["extensions"]["meshcentral"][0]["line"]

    async def kill(self) -> None:
        """`kill -9`."""
        os.kill(self.process.pid, signal.SIGKILL)
        await asyncio.wait_for(self.process.wait(), STOP_SECONDS)

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), STOP_SECONDS)

    def session(self) -> aiohttp.ClientSession:
        """A client with the key of this machine."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        timeout = aiohttp.ClientTimeout(total=10)
        return aiohttp.ClientSession(self.http_url, headers=headers, timeout=timeout)

    async def send(self, to: str, message: str) -> str:
        """`POST /sms/send`, answered 200; the message's id."""
        async with (
            self.session() as http,
            http.post("/sms/send", json={"to": to, "message": message}) as response,
        ):
            answer = await response.json()
            assert response.status == 200, answer
            message_id: str = answer["message_id"]
            return message_id

    async def status(self, message_id: str) -> dict[str, Any]:
        """`GET /sms/status/{id}`."""
        async with self.session() as http, http.get(f"/sms/status/{message_id}") as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer

    async def wait_for(self, message_id: str, *states: str) -> dict[str, Any]:
        """The message, once it is in one of the states."""
        async with asyncio.timeout(10):
            while (seen := await self.status(message_id))["status"] not in states:
                await asyncio.sleep(0.02)
        return seen


@asynccontextmanager
async def serving(
    folder: Path,
    settings: str = "",
    *arguments: str,
    program: Sequence[str] = PROGRAM,
    **variables: str,
) -> AsyncIterator[Serving]:
    """Start a server in `folder` on free ports; killed at the end if it still runs.

    Args:
        folder: holds its settings file, its data directory and its log.
        settings: TOML.
        program: what runs `enum-backend`.
    """
    config = folder / "settings.toml"
    config.write_text(settings, "utf-8")
    with (folder / "server.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *program,
            *("serve", "--json", "--config", str(config), "--port", "0", "--dns-port", "0"),
            *arguments,
            cwd=folder,
            env=environment(**variables),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        assert line, (folder / "server.log").read_text()
        yield Serving(process, json.loads(line))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
