"""Inbound: a provider's signed webhooks, and when each message reaches its owner's endpoint."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import tempfile
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.messaging.load import Address, Sample, at_rate, saturate
from tests.benchmarks.messaging.ours import LIMITS
from tests.benchmarks.messaging.outbound import CONNECTIONS, WARM_UP
from tests.benchmarks.messaging.sink import SinkProcess
from tests.serving import serving
from tests.telnyx_webhooks import PATH, TelnyxSigner

DELIVER_SECONDS = 30.0
"""How long the last deliveries are waited for."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One run.

    Attributes:
        accepted, delivered: webhooks answered 2xx and messages delivered, a second, in the
            same seconds.
        p99_ms: from the moment a webhook was due to the moment its message was at the
            endpoint, at half the rate delivered; milliseconds.
        answer_p99_ms: the same to the answer of the webhook.
        refused: webhooks not answered with 2xx.
        missing: messages answered with 2xx and never delivered.
    """

    accepted: float
    delivered: float
    p99_ms: float
    answer_p99_ms: float
    refused: int
    missing: int


def webhooks(telnyx: TelnyxSigner) -> Iterator[bytes]:
    """Requests without end; the n-th message's text ends in `#n`."""
    for number in count():
        sender = f"+1555{number % 10_000_000:07}"
        body = telnyx.received(sender, f"Yes, tomorrow at ten is fine. #{number}")
        proof = "".join(f"{name}: {value}\r\n" for name, value in telnyx.headers(body).items())
        yield (
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{proof}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


@dataclass(slots=True)
class Inbound:
    """All runs."""

    runs: list[Figures]

    def median(self, name: str) -> float:
        """Of all runs."""
        return float(statistics.median(getattr(run, name) for run in self.runs))

    def as_json(self) -> dict[str, Any]:
        """Every run and the medians."""
        return {
            "runs": [asdict(run) for run in self.runs],
            "median": {name: self.median(name) for name in Figures.__dataclass_fields__},
        }


async def measure(runs: int, seconds: float, directory: Path | None) -> Inbound:
    """Each run with a server of its own."""
    return Inbound([await _run(seconds, directory) for _ in range(runs)])


async def _run(seconds: float, directory: Path | None) -> Figures:
    telnyx = TelnyxSigner()
    with SinkProcess() as sink:
        async with _server(sink, telnyx, directory) as address:
            full = await saturate(
                [address],
                webhooks(telnyx),
                connections=CONNECTIONS,
                seconds=seconds,
                warm_up=seconds * WARM_UP,
            )
            delivered = sink.arrived(full.since, full.until)["count"] / (full.until - full.since)
            missing = await _missing(sink, full.total)
    with SinkProcess() as sink:
        async with _server(sink, telnyx, directory) as address:
            rate = max(delivered / 2, 1.0)
            half = await at_rate(
                [address],
                webhooks(telnyx),
                rate=rate,
                connections=CONNECTIONS,
                seconds=seconds,
                warm_up=seconds * WARM_UP,
            )
            missing += await _missing(sink, half.total)
            latencies = _latencies(half, rate, seconds * WARM_UP, sink.times())
    return Figures(
        accepted=full.rate,
        delivered=delivered,
        p99_ms=latencies.quantile(0.99) * 1e3,
        answer_p99_ms=half.quantile(0.99) * 1e3,
        refused=full.refused.total() + half.refused.total(),
        missing=missing,
    )


async def _missing(sink: SinkProcess, accepted: int) -> int:
    """How many are not delivered after a while."""
    end = time.monotonic() + DELIVER_SECONDS
    while (missing := accepted - len(sink.times())) and time.monotonic() < end:
        await asyncio.sleep(0.2)
    return missing


def _latencies(sample: Sample, rate: float, warm_up: float, arrived: dict[str, float]) -> Sample:
    """The n-th message was due n / rate after the start."""
    start = sample.since - warm_up
    whole = Sample(sample.since, sample.until)
    for number in range(int((sample.until - start) * rate)):
        due = start + number / rate
        if due >= sample.since:
            whole.latencies.append(arrived.get(str(number), float("inf")) - due)
    return whole


@asynccontextmanager
async def _server(
    sink: SinkProcess, telnyx: TelnyxSigner, directory: Path | None
) -> AsyncIterator[Address]:
    settings = (
        f"{LIMITS}[http]\nwebhooks_per_minute = 1_000_000_000\n"
        f"{telnyx.settings(sink.url)}"
        f'[deliveries]\nallow = ["127.0.0.1"]\nwebhook_url = "{sink.url}/hook"\n'
        f'webhook_secret = "whsec_{b64encode(secrets.token_bytes(24)).decode()}"\n'
    )
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        async with serving(Path(folder), settings) as server:
            parts = urlsplit(server.http_url)
            yield parts.hostname or "", parts.port or 0
