"""The sink as a process of its own: counts messages and notes when each arrived.

A message is known by the number in `to=` or `phone=` of the address, or behind a `#`
in the body. `GET /-/arrived?since=S&until=S` tells how many came between two moments
of the monotonic clock, which all processes of a machine share, and how many came
twice; `GET /-/times` tells when each came first.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
import urllib.request
from array import array
from bisect import bisect_left
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

import uvloop

from tests.http_sink import HttpSink, SinkConnection, reply

ROOT = Path(__file__).resolve().parents[3]
_TAKEN = reply(b"0: Accepted for delivery")
"""What Kannel's HTTP SMSC wants to read; ours looks at the status alone."""

_NUMBER = re.compile(rb"[?&](?:to|phone)=(?:%2B)?([0-9]+)")
_MARK = re.compile(rb"#([0-9]+)")


class Counter:
    """Handler of the sink's requests."""

    def __init__(self) -> None:
        self.times = array("d")
        self.first: dict[bytes, float] = {}

    def __call__(self, _connection: SinkConnection, head: bytes, body: bytes) -> bytes:
        found = _NUMBER.search(head) or _MARK.search(body)
        if found is None:
            return reply(json.dumps(self._asked(head)).encode())
        now = time.monotonic()
        self.times.append(now)
        self.first.setdefault(found[1], now)
        return _TAKEN

    def _asked(self, head: bytes) -> dict[str, float]:
        address = urlsplit(head.split(b" ", 2)[1].decode())
        if address.path == "/-/times":
            return {number.decode(): moment for number, moment in self.first.items()}
        query = parse_qs(address.query)
        since, until = (bisect_left(self.times, float(query[name][0])) for name in _EDGES)
        return {
            "count": until - since,
            "total": len(self.times),
            "doubled": len(self.times) - len(self.first),
            "last": self.times[-1] if self.times else 0.0,
        }


_EDGES = ("since", "until")


class SinkProcess:
    """A running sink, asked over HTTP.

    Attributes:
        url: where messages go.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> SinkProcess:
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)

    def arrived(
        self, since: float = float("-inf"), until: float = float("inf")
    ) -> dict[str, float]:
        """`count` between two moments; `total`, `doubled`, `last` of all."""
        return self._ask(f"arrived?since={since}&until={until}")

    def times(self) -> dict[str, float]:
        """When each message came first, by its number."""
        return self._ask("times")

    def _ask(self, what: str) -> dict[str, float]:
        with urllib.request.urlopen(f"{self.url}/-/{what}", timeout=10) as answer:
            numbers: dict[str, float] = json.load(answer)
            return numbers


async def _serve() -> None:
    async with HttpSink(Counter()) as sink:
        print(sink.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve())
