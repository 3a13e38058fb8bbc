"""Canary: secrets and texts never get into logs, metrics or errors; logs name routes only."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import structlog
from yarl import URL

from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.logs import configure_logging, protocol_log
from enum_backend.testing import RunningServer, running_server
from tests.log_text import LogText
from tests.unit.gateways.wire_server import Answer, WireServer

Client = aiohttp.ClientSession
CODE = "918273"
TEXT = f"canary-text {CODE}"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, at the most talkative level, as `serve` sets it up."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield LogText("DEBUG")
    structlog.reset_defaults()
    root.handlers[:], level = before
    root.setLevel(level)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


async def raw(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        writer.write_eof()
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_nothing_secret_is_written_anywhere(log: io.StringIO) -> None:
    errors = []
    async with running_server() as server:
        token = server.shim_url.rpartition("/")[2].partition("?")[0]
        shim = server.shim_url.partition("?")[0]
        server.simulator.fail_next(GatewayError(Reason.UNKNOWN, "scripted", ambiguous=True))
        shims = server.services.shim_tokens
        _, logto = await shims.ensure("logto", "a", changes={"secret": "canary-secret"})
        proven = {"Authorization": "canary-secret"}
        posted = {"to": "14155550197", "type": "SignIn", "payload": {"code": CODE}}
        async with Client() as http:
            for path, headers, body in (
                (f"/shim/logto/{logto}", proven, posted),
                (f"/shim/logto/{logto}", {}, posted),
                (f"/shim/logto/{logto}", proven, {"to": TEXT, "payload": {"code": CODE}}),
                (f"/shim/logto/{logto}x", proven, posted),
                (f"/shim/canary-program/{logto}", proven, posted),
                ("/meshcentral/sms", {"Authorization": f"Bearer {token}"}, {"phone": TEXT}),
                (
                    "/meshcentral/sms",
                    {"Authorization": f"Bearer {token}"},
                    {"phone": "+14155550196", "message": TEXT},
                ),
            ):
                async with http.post(server.http_url + path, json=body, headers=headers) as r:
                    if r.status != 200:
                        errors.append(await r.text())
            headers = {"Authorization": f"Bearer {token}"}
            async with http.get(f"{server.http_url}/meshcentral/messages", headers=headers) as r:
                assert r.status == 200
                errors.append(await r.text())
        async with Client(headers=server.headers) as http:
            for query in (
                f"phone=%2B14155550199&message={TEXT}",
                f"phone=canary-phone&message={TEXT}",
                f"phone=%2B14155550199&message={TEXT}&message={CODE}",
                f"phone=%2B14155550199&canary={CODE}",
                f"phone=%2B14155550199&message={TEXT}%FF",
            ):
                async with http.get(URL(f"{shim}?{query}".replace(" ", "%20"), encoded=True)) as r:
                    if r.status != 200:
                        errors.append(await r.text())
            for path in (
                f"/meshcentral/sms/{token}x?phone=1&message={TEXT}",
                f"/canary-path/{token}?code={CODE}",
                f"/enum/+14155551234?canary={CODE}",
                f"/sms/status/msg_1?canary={CODE}",
            ):
                async with http.get(server.http_url + path) as r:
                    errors.append(await r.text())
            for body in (
                {"to": "+14155550198", "message": TEXT},
                {"to": "+14155550198", "message": TEXT, "gateway": "nobody"},
                {"to": 5, "message": TEXT},
                {"to": "canary", "message": TEXT},
            ):
                async with http.post(f"{server.http_url}/sms/send", json=body) as r:
                    if r.status != 200:
                        errors.append(await r.text())
            await server.wait_for_messages()
            wrong = {"Authorization": "Bearer ebk_canary-key"}
            async with http.get(f"{server.http_url}/sms/status/x", headers=wrong) as r:
                errors.append(await r.text())
            for line in (
                f"GET /meshcentral/sms/{token}?message={CODE} 1 HTTP/1.1",
                f"GET /meshcentral/sms/{token}?message={CODE} HTTP/1.1\r\nBad header: x",
                f"GET /meshcentral/sms/{token}?message={CODE}{'0' * 40000} HTTP/1.1",
            ):
                await raw(server.http_port, f"{line}\r\nHost: x\r\n\r\n".encode())
            async with http.get(f"{server.http_url}/metrics") as r:
                metrics = await r.text()
        secrets = [token, logto, CODE, "canary", server.api_key]
        secret_files = [server.data_dir / "server.key"]
        secrets += [file.read_text().strip() for file in secret_files]
    written = log.getvalue()
    assert len([item for item in lines(log) if item["event"] == "request"]) >= 14
    assert "Error handling request" in written
    assert "Traceback" not in written
    for secret in secrets:
        assert secret not in written, secret
        assert secret not in metrics, secret
    for secret in (token, logto, CODE, TEXT, server.api_key, "canary-text", "ebk_"):
        assert not [text for text in errors if secret in text], secret


async def test_logs_and_metrics_name_route_templates_only(
    log: io.StringIO, server: RunningServer
) -> None:
    async with Client(server.http_url) as http:
        for method, path in (
            ("GET", "/enum/+14155551234"),
            ("GET", "/nothing/at/all"),
            ("PUT", "/livez"),
            ("PROPFIND", "/livez"),
            ("GET", "/"),
        ):
            async with http.request(method, path, allow_redirects=False) as response:
                await response.read()
        async with http.get("/metrics") as response:
            metrics = await response.text()
    seen = [item for item in lines(log) if item["event"] == "request"]
    assert [(item["method"], item["route"], item["status"]) for item in seen][:5] == [
        ("GET", "/enum/{number}", 200),
        ("GET", "(no route)", 404),
        ("PUT", "(no route)", 405),
        ("OTHER", "(no route)", 405),
        ("GET", "/", 303),
    ]
    assert {item["client"] for item in seen} == {"127.0.0.1"}
    assert all(item["ms"] >= 0 and item["level"] == "info" for item in seen)
    assert 'method="GET",route="/enum/{number}",status="200"} 1.0' in metrics
    assert 'method="OTHER",route="(no route)",status="405"} 1.0' in metrics
    assert "14155551234" not in metrics


async def test_provider_that_quotes_the_text(log: io.StringIO) -> None:
    """A provider's error is shown to the caller without the text it quotes."""
    quoting = {"errors": [{"code": "40300", "title": "Blocked", "detail": f"refused: {TEXT}"}]}
    async with WireServer() as provider:
        provider.answers = [Answer.json(quoting, 422)]
        telnyx = {"api_key": "KEYcanarysecret", "from": "+14155550100", "base_url": provider.url}
        settings = {"mode": None, "gateways": {"telnyx": telnyx}}
        async with (
            running_server({}, settings=settings) as server,
            Client(server.http_url, headers=server.headers) as http,
        ):
            body = {"to": "+14155550199", "message": TEXT}
            async with http.post("/sms/send", json=body) as response:
                sent = await response.json()
            async with asyncio.timeout(5):
                while True:
                    async with http.get(f"/sms/status/{sent['message_id']}") as response:
                        shown = await response.text()
                    if json.loads(shown)["status"] == "failed":
                        break
                    await asyncio.sleep(0.01)
    for secret in ("KEYcanarysecret", "canary-text", CODE):
        assert secret not in log.getvalue()
        assert secret not in shown


async def test_unexpected_failures_are_logged_by_kind(
    log: io.StringIO, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise LookupError("canary-inside")

    monkeypatch.setattr(type(server.services.keys), "authenticate", broken)
    async with (
        Client(server.http_url, headers=server.headers) as http,
        http.get("/sms/status/x") as response,
    ):
        assert response.status == 500
        assert "canary" not in await response.text()
    (failure,) = [item for item in lines(log) if item["event"] == "request failed"]
    assert (failure["error"], failure["route"]) == ("LookupError", "/sms/status/{message_id}")
    assert "canary" not in log.getvalue()


def test_terminal_output_has_no_local_variables() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = Terminal()
    try:
        configure_logging("INFO", stream)
        secret = "x" * 3
        try:
            int(secret)
        except ValueError:
            structlog.get_logger("test").exception("failed")
        structlog.get_logger("test").debug("not shown")
    finally:
        structlog.reset_defaults()
        root.handlers[:] = before[0]
        root.setLevel(before[1])
    assert "Traceback" in stream.getvalue()
    assert "secret = " not in stream.getvalue()
    assert "locals" not in stream.getvalue()
    assert "not shown" not in stream.getvalue()


def test_protocol_log_keeps_the_kind_only(log: io.StringIO) -> None:
    logger = protocol_log()
    assert protocol_log() is logger
    assert len(logger.filters) == 1
    try:
        int("canary-line")
    except ValueError:
        logger.exception("Error handling request from %s", "127.0.0.1")
    logger.error("outside of an exception", exc_info=(None, None, None))
    logger.info("plain")
    assert [item["event"] for item in lines(log)] == [
        "Error handling request from 127.0.0.1: ValueError",
        "outside of an exception: unknown",
        "plain",
    ]
