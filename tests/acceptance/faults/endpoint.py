"""An owner's endpoint in bad moods: it takes messages, fails, hangs or breaks off."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from tests.http_sink import SinkConnection, reply

Act = Literal["take", "500", "hang", "reset"]
Mood = Mapping[Act, float]
CALM: Mood = {"take": 1}
BAD: Mood = {"take": 3, "500": 1, "hang": 1, "reset": 1}


class Endpoint:
    """Handler of an `HttpSink`.

    Attributes:
        taken: deliveries answered with 2xx, by the message's sender.
    """

    def __init__(self, dice: random.Random) -> None:
        self.mood: Mood = CALM
        self.taken: Counter[str] = Counter()
        self._dice = dice

    def settings(self, url: str) -> str:
        """TOML of the default tenant's deliveries, repeated quickly enough for a test."""
        secret = b64encode(b"not a secret, only a test").decode()
        return (
            f'[deliveries]\nwebhook_url = "{url}/hook"\nwebhook_secret = "whsec_{secret}"\n'
            'allow = ["127.0.0.1"]\ntimeout = 1\nbackoff = 0.2\n'
        )

    def __call__(self, connection: SinkConnection, _head: bytes, body: bytes) -> bytes | None:
        (act,) = self._dice.choices(list(self.mood), list(self.mood.values()))
        if act == "take":
            self.taken[json.loads(body)["data"]["from"]] += 1
            return reply(b"ok")
        if act == "500":
            return reply(b"broken", 500)
        if act == "reset":
            connection.reset()
        return None
