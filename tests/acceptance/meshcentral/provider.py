"""The provider behind our server: a gateway's HTTP endpoint that keeps what it is sent."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tests.http_sink import HttpSink, SinkConnection, reply

SECONDS = 30.0
_CODE = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])")


@dataclass(frozen=True)
class Sms:
    """One message as the provider got it."""

    gateway: str
    to: str
    text: str

    @property
    def code(self) -> str:
        """Its six digits."""
        (code,) = _CODE.findall(self.text)
        return str(code)


class Provider:
    """Takes `GET /GATEWAY?to=&text=`; answers 200, or 400 for numbers in `refuses`."""

    def __init__(self) -> None:
        self.messages: list[Sms] = []
        self.refuses: set[str] = set()
        self._arrived = asyncio.Event()
        self._sink = HttpSink(self._take)

    async def __aenter__(self) -> Provider:
        await self._sink.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._sink.__aexit__(*error)

    def gateway(self, name: str) -> str:
        """TOML of a gateway of ours that sends here."""
        return f'[gateways.{name}]\nprovider = "url"\nurl = "{self.url(name)}"\n'

    def url(self, name: str) -> str:
        """The same as MeshCentral's `sms.url`."""
        return f"{self._sink.url}/{name}?to={{{{phone}}}}&text={{{{message}}}}"

    async def next_to(self, number: str, after: int = 0) -> Sms:
        """The message to a number after the first `after` ones to it."""
        async with asyncio.timeout(SECONDS):
            while len(found := self.to(number)) <= after:
                self._arrived.clear()
                await self._arrived.wait()
        return found[after]

    def to(self, number: str) -> list[Sms]:
        """All messages to a number."""
        return [sms for sms in self.messages if sms.to == number]

    def _take(self, _: SinkConnection, head: bytes, __: bytes) -> bytes:
        target = urlsplit(head.split(b" ")[1].decode("ascii"))
        query = parse_qs(target.query, keep_blank_values=True, strict_parsing=True)
        (to,), (text,) = query["to"], query["text"]
        if to in self.refuses:
            return reply(b"no such subscriber", 400)
        self.messages.append(Sms(target.path.strip("/"), to, text))
        self._arrived.set()
        return reply(b"ok")
