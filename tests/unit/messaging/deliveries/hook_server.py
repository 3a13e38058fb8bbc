"""A tenant's webhook receiver that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = int | web.StreamResponse | Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Hook:
    """What came, and what is answered: the next of `answers`, else 200."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.calls.append((headers, body))
        self.seen.set()
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, int):
            return web.Response(status=answer)
        if isinstance(answer, web.StreamResponse):
            return answer
        return await answer(request)

    async def called(self, count: int = 1, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while len(self.calls) < count:
                self.seen.clear()
                await self.seen.wait()


@asynccontextmanager
async def hook_server() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hook.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield hook
    finally:
        await runner.cleanup()
