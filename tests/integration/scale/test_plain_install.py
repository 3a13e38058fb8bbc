"""Without the extra `scale`: everything but PostgreSQL and Redis works, and says what lacks."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.serving import environment, serving

WITHOUT = (
    "import sys; sys.modules.update(dict.fromkeys(('asyncpg', 'greenlet', 'redis')));"
    "from enum_backend.cli import main; main()"
)
PROGRAM = [sys.executable, "-c", WITHOUT]


async def test_a_server_of_its_own(tmp_path: Path) -> None:
    async with serving(tmp_path, program=PROGRAM) as server:
        message = await server.send("+14155550101", "Hello")
        await server.wait_for(message, "delivered")
        assert await server.stop() == 0


@pytest.mark.parametrize(
    ("variable", "value", "setting"),
    [
        ("DATABASE_URL", "postgresql://u:canary@127.0.0.1:1/x", "database.url"),
        ("REDIS_URL", "redis://:canary@127.0.0.1:1/0", "redis.url"),
    ],
)
async def test_what_lacks_is_said(tmp_path: Path, variable: str, value: str, setting: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("serve", "--port", "0", "--dns-port", "0"),
        cwd=tmp_path,
        env=environment(**{variable: value}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    said = f"{setting}: its driver is not installed: pip install 'enum-backend[scale]'"
    assert said in errors.decode()
    assert b"canary" not in errors
