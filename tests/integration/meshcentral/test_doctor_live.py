"""What `mesh doctor` makes of the answers of a server that runs."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from meshcentral_plugin.doctor.live import examine_live
from tests.ports import free_ports


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        ({"action": "close", "cause": "noauth", "msg": "noauth"}, "ok"),
        ({"action": "close", "cause": "invalidorigin"}, "problem"),
        ({"action": "close", "cause": "banned"}, "note"),
        (["x"], "note"),
        (None, "note"),
    ],
)
async def test_answers(answer: Any, level: str) -> None:
    origins: list[str | None] = []

    async def control(request: web.Request) -> web.WebSocketResponse:
        origins.append(request.headers.get("Origin"))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if answer is not None:
            await socket.send_json(answer)
        await socket.close()
        return socket

    application = web.Application()
    application.router.add_get("/customer/control.ashx", control)
    async with TestServer(application) as server:
        finding = await examine_live(f"{server.make_url('/customer/')}")
        assert finding.level == level
        assert origins == [f"http://127.0.0.1:{server.port}"]


async def test_no_sockets_there() -> None:
    async with TestServer(web.Application()) as server:
        assert (await examine_live(str(server.make_url("/")))).level == "note"


async def test_nobody_there() -> None:
    finding = await examine_live(f"http://127.0.0.1:{free_ports(1)[0]}")
    assert finding.level == "note"
    assert "only the file is examined" in finding.message


@pytest.mark.parametrize(
    ("url", "level"),
    [("/mesh", "note"), ("https://[broken", "warning"), ("ftp://127.0.0.1/", "note")],
)
async def test_what_is_no_address(url: str, level: str) -> None:
    assert (await examine_live(url)).level == level
