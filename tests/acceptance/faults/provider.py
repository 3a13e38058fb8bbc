"""A provider in bad moods: it answers, refuses, hangs or breaks off, and remembers everything."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from tests.http_sink import SinkConnection, reply

Act = Literal["take", "late", "429", "500", "503", "504", "hang", "reset", "cut"]

TAKING: frozenset[Act] = frozenset({"take", "late", "504", "hang", "reset", "cut"})
"""After these the provider has the message."""

SILENT: frozenset[Act] = frozenset({"504", "hang", "reset", "cut"})
"""After these the caller cannot know whether it has."""

TIMEOUT_SECONDS = 1
"""The gateway's."""

LATE_SECONDS = 0.6
"""Within it."""

Mood = Mapping[Act, float]
"""How often it does what, as weights."""

CALM: Mood = {"take": 1}
MOODS: Mapping[str, Mood] = {
    "calm": CALM,
    "busy": {"429": 3, "take": 1},
    "broken": {"500": 2, "503": 2, "504": 1, "take": 2},
    "hanging": {"hang": 1, "late": 1, "take": 4},
    "resetting": {"reset": 1, "cut": 1, "take": 3},
}

_REPLIES: Mapping[Act, bytes] = {
    "take": reply(b"ok"),
    "late": reply(b"ok"),
    "429": reply(b"slower", 429, "Retry-After: 1\r\n"),
    "500": reply(b"broken", 500),
    "503": reply(b"away", 503),
    "504": reply(b"no answer", 504),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One request.

    Attributes:
        at: seconds since 1970.
        reference: who asked for it, from its text.
    """

    at: float
    reference: str
    act: Act

    @property
    def taken(self) -> bool:
        """Whether the provider has the message now."""
        return self.act in TAKING


class Provider:
    """Handler of an `HttpSink`.

    Attributes:
        seen: requests by our message id, in order.
    """

    def __init__(self, dice: random.Random) -> None:
        self.mood: Mood = CALM
        self.seen: dict[str, list[Seen]] = defaultdict(list)
        self._dice = dice

    def settings(self, url: str) -> str:
        """TOML of the gateway, retries quick enough for a test."""
        template = f"{url}/sms?phone={{{{phone}}}}&message={{{{message}}}}&id={{{{id}}}}"
        return (
            f'[gateways.provider]\nprovider = "url"\nurl = "{template}"\n'
            f"timeout = {TIMEOUT_SECONDS}\n"
            "[dispatch]\nbackoff = 0.2\nmax_attempts = 6\n"
        )

    def __call__(self, connection: SinkConnection, head: bytes, _body: bytes) -> bytes | None:
        query = parse_qs(urlsplit(head.split(b" ", 2)[1].decode()).query)
        (act,) = self._dice.choices(list(self.mood), list(self.mood.values()))
        self.seen[query["id"][0]].append(Seen(time.time(), query["message"][0], act))
        if act == "late":
            asyncio.get_running_loop().call_later(LATE_SECONDS, _write, connection, act)
        elif act == "reset":
            connection.reset()
        elif act == "cut":
            connection.transport.write(_REPLIES["take"][:20])
            connection.transport.close()
        elif act != "hang":
            return _REPLIES[act]
        return None


def _write(connection: SinkConnection, act: Act) -> None:
    if connection.open:
        connection.transport.write(_REPLIES[act])
