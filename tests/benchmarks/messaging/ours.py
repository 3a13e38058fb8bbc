"""`enum-backend serve` with shipped defaults, limits raised, and a gateway at the sink.

Alone on SQLite (`synchronous=FULL`), or two processes on one PostgreSQL database
(`synchronous_commit=on`, the server's default) and one Redis.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.acceptance.faults.own_servers import (
    own_postgres,
    own_redis,
    postgres_programs,
    shared_settings,
)
from tests.benchmarks.messaging.load import Address
from tests.benchmarks.messaging.system import TEXT, Kind, Unavailable
from tests.serving import PROGRAM, Serving, serving

SQLITE = Kind("enum-backend, SQLite", "flushed before the answer (synchronous=FULL)")
POSTGRESQL = Kind(
    "2 x enum-backend, PostgreSQL", "flushed before the answer (synchronous_commit=on)"
)

LIMITS = """
[limits]
per_recipient_hour = 1_000_000_000
per_recipient_day = 1_000_000_000
per_client_minute = 1_000_000_000
daily_cost = "1000000000"
"""
"""Raised, not switched off: each is still looked at for each message."""


@dataclass(frozen=True)
class Ours:
    """The running servers."""

    servers: Sequence[Serving]

    @property
    def addresses(self) -> list[Address]:
        """See `System`."""
        parts = [urlsplit(server.http_url) for server in self.servers]
        return [(part.hostname or "", part.port or 0) for part in parts]

    @property
    def pids(self) -> list[int]:
        """See `System`."""
        return [server.process.pid for server in self.servers]

    def request(self, number: str) -> bytes:
        """See `System`."""
        body = json.dumps({"to": f"+{number}", "message": TEXT}).encode()
        head = (
            "POST /sms/send HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {self.servers[0].api_key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def settings(sink_url: str) -> str:
    """TOML of a server whose messages go to the sink."""
    template = f"{sink_url}/sms?phone={{{{phone}}}}&message={{{{message}}}}&id={{{{id}}}}"
    return f'{LIMITS}[gateways.sink]\nprovider = "url"\nprice = "0.0040"\nurl = "{template}"\n'


@asynccontextmanager
async def on_sqlite(
    folder: Path, sink_url: str, program: Sequence[str] = PROGRAM, **variables: str
) -> AsyncIterator[Ours]:
    """One process; its data directory is in `folder`."""
    async with serving(folder, settings(sink_url), program=program, **variables) as server:
        yield Ours([server])


@asynccontextmanager
async def on_postgresql(folder: Path, sink_url: str) -> AsyncIterator[Ours]:
    """Two processes on a PostgreSQL of their own, with its defaults, and a Redis.

    Raises:
        Unavailable: one of them is not installed.
    """
    async with AsyncExitStack() as stack:
        if postgres_programs() is None or shutil.which("redis-server") is None:
            raise Unavailable("no PostgreSQL or no Redis: apt install postgresql redis-server")
        # Beside the folder, which its account may not enter.
        postgres = await stack.enter_async_context(own_postgres(folder.parent))
        redis = await stack.enter_async_context(own_redis())
        text = shared_settings(postgres, redis) + settings(sink_url)
        servers = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            servers.append(await stack.enter_async_context(serving(folder / name, text)))
        yield Ours(servers)
