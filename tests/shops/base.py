"""What all shops have: numbers on sale, an account, orders that take their time, lost answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

ON_SALE = ("+14155550101", "+14155550102", "+14155550103")


class Shop(ABC):
    """One account at one provider.

    Attributes:
        owned: the account's numbers -> where the messages of each go, empty = nowhere.
        failover: the same for the second address.
        slow: looks at an order (or a release) before it is done.
        lose_answer: do what is asked next, and hang up instead of answering.
        refuse: refuse what is asked next.
        document: address of a mock that validates each request by the provider's API
            document; empty = none.
    """

    provider: ClassVar[str]
    mock: ClassVar[str] = ""
    """What `provider-mock` calls the document, empty if there is none."""
    undocumented: ClassVar[frozenset[str]] = frozenset()
    """Requests that the document does not hold."""
    number: ClassVar[str] = ON_SALE[0]
    orders: ClassVar[bool] = False
    """Whether orders may take their time."""
    releases: ClassVar[bool] = False
    """Whether releases may take their time."""
    has_failover: ClassVar[bool] = False
    first: ClassVar[str]
    """What the first month and the set-up cost, US dollars, as the search tells or lists it."""
    own: ClassVar[str] = "+14155550100"

    def __init__(self) -> None:
        self.url = ""
        self.document = ""
        self.owned: dict[str, str] = {}
        self.failover: dict[str, str] = {}
        self.slow = 0
        self.lose_answer = ""
        self.refuse = ""
        self.calls: list[str] = []
        self.problems: list[str] = []

    def settings(self, **more: Any) -> dict[str, Any]:
        """A gateway's table."""
        common = {"provider": self.provider, "from": self.own, "base_url": self.url, "timeout": 5}
        return {**common, **self.credentials(), **more}

    @abstractmethod
    def credentials(self) -> dict[str, Any]:
        """Its part that is the provider's own."""

    @abstractmethod
    async def answer(self, name: str, request: web.Request, body: bytes) -> web.Response:
        """The provider's answer to a request that is called `name`."""

    @abstractmethod
    def name_of(self, request: web.Request, body: bytes) -> str:
        """What a request is: `search`, `buy`, `set up`, `order`, `list`, `release`, ..."""

    async def handle(self, request: web.Request) -> web.Response:
        """Any request."""
        body = await request.read()
        name = self.name_of(request, body)
        self.calls.append(name)
        if self.document and name not in self.undocumented:
            await self._validate(request, body)
        if self.refuse == name:
            self.refuse = ""
            return self.refusal()
        response = await self.answer(name, request, body)
        if self.lose_answer == name:
            self.lose_answer = ""
            assert request.transport is not None
            request.transport.abort()
        return response

    def refusal(self) -> web.Response:
        """The provider says no."""
        return web.json_response({"message": "no"}, status=400)

    def is_done(self) -> bool:
        """Whether an order is done at this look."""
        self.slow -= 1
        return self.slow < 0

    def on_sale(self) -> list[str]:
        """Numbers that can be bought."""
        return [number for number in ON_SALE if number not in self.owned]

    async def _validate(self, request: web.Request, body: bytes) -> None:
        """Note what the provider's own document says against a request."""
        headers = {
            name: request.headers[name]
            for name in ("Authorization", "Content-Type", "Accept")
            if name in request.headers
        }
        async with (
            aiohttp.ClientSession() as http,
            http.request(
                request.method, f"{self.document}{request.raw_path}", headers=headers, data=body
            ) as response,
        ):
            if response.status >= 400:
                said = (await response.text())[:500]
                self.problems.append(f"{request.method} {request.path}: {response.status} {said}")


def form(body: bytes) -> dict[str, str]:
    """A form's fields."""
    return dict(parse_qsl(body.decode()))


@asynccontextmanager
async def open_shop(kind: type[Shop]) -> AsyncIterator[Shop]:
    """A running one."""
    shop = kind()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", shop.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        shop.url = f"http://127.0.0.1:{server.port}"
        yield shop
