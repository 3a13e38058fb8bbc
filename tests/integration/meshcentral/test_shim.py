"""The shim, called in MeshCentral's exact shape over raw sockets, and by node's own client."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from enum_backend.storage.sqlite import SqliteDatabase
from enum_backend.testing import RunningServer, running_server

NUMBER = "+15557654321"
CODE_TEXT = "MeshCentral access token is: 048291"


def encode(text: str) -> str:
    """`encodeURIComponent`, then node's URL parser: only the apostrophe differs."""
    return quote(text, safe="-_.!~*()")


class Node:
    """One keep-alive connection that writes what node's `http.get` writes."""

    def __init__(self, server: RunningServer) -> None:
        self.target = server.shim_url.removeprefix(server.http_url)
        self.port = server.http_port
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def open(self) -> Node:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def get(
        self, phone: str, message: str, *, token: str = "", method: str = "GET"
    ) -> tuple[int, dict[str, str], bytes]:
        target = self.target.replace("{{phone}}", encode(phone))
        target = target.replace("{{message}}", encode(message))
        if token:
            target = re.sub(r"(?<=/sms/)[^?]*", token, target)
        head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
        self.writer.write(f"{head}Connection: keep-alive\r\n\r\n".encode("ascii"))
        return await asyncio.wait_for(self._answer(method), 5)

    async def _answer(self, method: str) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("ascii")
        line, *rest = head.rstrip("\r\n").split("\r\n")
        headers = {k.lower(): v for k, v in (item.split(": ", 1) for item in rest)}
        length = 0 if method == "HEAD" else int(headers["content-length"])
        body = await self.reader.readexactly(length)
        return int(line.split()[1]), headers, body

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@asynccontextmanager
async def shim(**settings: Any) -> AsyncIterator[tuple[RunningServer, Node]]:
    limits = {"per_recipient_hour": 0, "per_recipient_day": 0} | settings.pop("limits", {})
    async with running_server({}, settings={"limits": limits, **settings}) as server:
        node = await Node(server).open()
        try:
            yield server, node
        finally:
            await node.close()


async def test_answer_is_complete_and_keeps_the_connection() -> None:
    async with shim() as (server, node):
        for index in range(3):
            status, headers, body = await node.get(NUMBER, f"{CODE_TEXT}{index}")
            assert status == 200
            assert headers["content-type"].startswith("application/json")
            assert int(headers["content-length"]) == len(body) > 0
            assert "transfer-encoding" not in headers
            assert headers.get("connection", "keep-alive") == "keep-alive"
            assert b"048291" not in body
        arrived = await server.wait_for_messages(3)
    assert {sms.to for sms in arrived} == {NUMBER}
    assert arrived[0].text == f"{CODE_TEXT}0"


@pytest.mark.parametrize(
    "typed",
    [
        "+15557654321",
        "5557654321",
        "+1 555-765.4321",
        "555.765.4321",
        "1 555 765 4321",
        " 555-765-4321 ",
        "+1 (555) 765-4321",
    ],
)
async def test_phones_as_typed(typed: str) -> None:
    async with shim() as (server, node):
        status, _, body = await node.get(typed, CODE_TEXT)
        assert status == 200, body
        assert [sms.to for sms in await server.wait_for_messages()] == [NUMBER]


@pytest.mark.parametrize(
    "typed",
    [
        "555.123.4567 99",
        "          ",
        "----------",
        "..........",
        "+",
        "+1",
        "123",
        "1" * 40,
        "1" * 16,
        "x" * 65,
        "+1 555 765 4321 ext 5",
        "++15557654321",
        "",
    ],
)
async def test_phones_that_are_none(typed: str) -> None:
    async with shim() as (server, node):
        status, headers, body = await node.get(typed, CODE_TEXT)
        assert status == 422
        assert headers["content-type"].startswith("application/problem+json")
        assert b'"field": "phone"' in body
        assert (await node.get(NUMBER, CODE_TEXT))[0] == 200
        assert len(await server.wait_for_messages()) == 1


async def test_default_region() -> None:
    async with shim(default_region="GB") as (server, node):
        assert (await node.get("07700 900123", CODE_TEXT))[0] == 200
        assert (await node.get("+44 7700 900123", "2"))[0] == 200
        arrived = await server.wait_for_messages(2)
    assert {sms.to for sms in arrived} == {"+447700900123"}


@pytest.mark.parametrize(
    "text",
    [
        "MeshTest Bestätigungscode lautet: 101029",
        "MeshTest確認コード：594728",
        "two\nlines\r\nand a tab\t.",
        "it's 100% & more=1 + #2 ?/\\\"{}[]",
        "😀" * 160,
        "確" * 1600,
        "😀" * 1600,
    ],
)
async def test_texts(text: str) -> None:
    async with shim() as (server, node):
        status, _, body = await node.get(NUMBER, text)
        assert status == 200, body
        assert [sms.text for sms in await server.wait_for_messages()] == [text]


@pytest.mark.parametrize("text", ["", "x" * 1601, "a\x00b"])
async def test_texts_that_cannot_be_sent(text: str) -> None:
    async with shim() as (server, node):
        status, _, body = await node.get(NUMBER, text)
        assert (status, b'"field": "message"' in body) == (422, True)
        assert server.messages == []


async def test_text_that_is_no_utf8() -> None:
    async with shim() as (server, node):
        node.target = node.target.replace("{{message}}", "%E4%F6")
        status, _, body = await node.get(NUMBER, "")
        assert (status, b'"field": "message"' in body) == (422, True)
        assert server.messages == []


async def test_repeat_within_ten_seconds_is_one_message() -> None:
    async with shim() as (server, node):
        first = await node.get("+15557654321", CODE_TEXT)
        again = await node.get("+1 555-765.4321", CODE_TEXT)
        other_text = await node.get(NUMBER, CODE_TEXT + "!")
        other_phone = await node.get("+15557654322", CODE_TEXT)
        assert {answer[0] for answer in (first, again, other_text, other_phone)} == {200}
        assert first[2].split(b'"')[5] == again[2].split(b'"')[5]
        await server.wait_for_messages(3)
        await asyncio.sleep(0.1)
        assert len(server.messages) == 3


async def test_many_at_once_are_one_message() -> None:
    async with shim() as (server, _):
        nodes = [await Node(server).open() for _ in range(10)]
        answers = await asyncio.gather(*(node.get(NUMBER, CODE_TEXT) for node in nodes))
        for node in nodes:
            await node.close()
        assert [status for status, _, _ in answers] == [200] * 10
        assert len({body.split(b'"')[5] for _, _, body in answers}) == 1
        await server.wait_for_messages()
        await asyncio.sleep(0.1)
        assert len(server.messages) == 1


@pytest.mark.parametrize("token", ["wrong", "x" * 32, "%2e%2e", "a" * 5000, "%FF"])
async def test_wrong_token(token: str) -> None:
    async with shim() as (server, node):
        for phone in (NUMBER, "not a phone"):
            status, _, body = await node.get(phone, CODE_TEXT, token=token)
            assert status == 404
            assert b"NOT_FOUND" in body
        assert (await node.get(NUMBER, CODE_TEXT))[0] == 200
        assert len(await server.wait_for_messages()) == 1


async def test_revoked_token() -> None:
    async with shim() as (server, node):
        with sqlite3.connect(server.data_dir / "enum-backend.sqlite3") as database:
            database.execute("UPDATE shim_tokens SET revoked_at = 1")
        database.close()
        assert (await node.get(NUMBER, CODE_TEXT))[0] == 404


async def test_limits() -> None:
    limits = {"shim_per_minute": 3, "per_client_minute": 1}
    async with shim(limits=limits) as (server, node):
        for index in range(3):
            assert (await node.get(f"+1555765432{index}", CODE_TEXT))[0] == 200
        status, headers, body = await node.get("+15557654329", CODE_TEXT)
        assert status == 429
        assert 1 <= int(headers["retry-after"]) <= 60
        assert b"RATE_LIMIT_EXCEEDED" in body
        assert (await node.get("+15557654320", CODE_TEXT))[0] == 200, "a repeat takes no place"
        await server.wait_for_messages(3)


async def test_recipient_limit() -> None:
    async with shim(limits={"per_recipient_hour": 2}) as (_, node):
        answers = [(await node.get(NUMBER, f"{CODE_TEXT} {index}"))[0] for index in range(3)]
    assert answers == [200, 200, 429]


async def test_disabled() -> None:
    async with shim(mode="disabled") as (_, node):
        status, _, body = await node.get(NUMBER, CODE_TEXT)
    assert status == 503
    assert b"SMS_DISABLED" in body


@pytest.mark.slow
async def test_connection_works_after_six_idle_seconds() -> None:
    """Node keeps an idle connection 5 s; a dead one would cost an SMS."""
    async with shim() as (server, node):
        assert (await node.get(NUMBER, "first"))[0] == 200
        await asyncio.sleep(6)
        assert (await node.get(NUMBER, "second"))[0] == 200
        await server.wait_for_messages(2)


async def test_answered_while_the_provider_hangs() -> None:
    async with shim(dispatch={"concurrency": 1}) as (server, node):
        server.simulator.delay = 1.0
        loop = asyncio.get_running_loop()
        started = loop.time()
        for index in range(5):
            assert (await node.get(NUMBER, f"{CODE_TEXT} {index}"))[0] == 200
        assert loop.time() - started < 0.9
        assert server.messages == []
        server.simulator.delay = 0


async def test_200_only_after_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment of the answer another connection sees the message in the database."""
    async with shim() as (server, node):
        gate = asyncio.Event()
        write = SqliteDatabase.write

        async def held(self: SqliteDatabase, work: Any) -> Any:
            await gate.wait()
            return await write(self, work)

        monkeypatch.setattr(SqliteDatabase, "write", held)
        asked = asyncio.create_task(node.get(NUMBER, CODE_TEXT))
        await asyncio.sleep(0.2)
        assert not asked.done()
        gate.set()
        status, _, body = await asked
        database = sqlite3.connect(server.data_dir / "enum-backend.sqlite3")
        rows = database.execute("SELECT message_id FROM outbox").fetchall()
        database.close()
    assert status == 200
    assert [row[0].encode() for row in rows] == [body.split(b'"')[5]]


async def test_text_is_not_kept() -> None:
    async with shim() as (server, node):
        await node.get(NUMBER, CODE_TEXT)
        await server.wait_for_messages()
        file = server.data_dir / "enum-backend.sqlite3"
        async with asyncio.timeout(5):
            while True:
                database = sqlite3.connect(file)
                (row,) = database.execute("SELECT state, body FROM outbox").fetchall()
                database.close()
                if row[0] == "delivered":
                    break
                await asyncio.sleep(0.01)
        assert row[1] is None
        for part in server.data_dir.iterdir():
            assert b"048291" not in part.read_bytes()


async def test_code_goes_to_the_number_itself() -> None:
    records = {"enum:15557654321:0": {"sms": "telnyx:+15557650000"}}
    async with running_server(records) as server:
        node = await Node(server).open()
        assert (await node.get(NUMBER, CODE_TEXT))[0] == 200
        await node.close()
        assert [sms.to for sms in await server.wait_for_messages()] == [NUMBER]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
async def test_other_methods_send_nothing(method: str) -> None:
    async with shim() as (server, node):
        status, headers, _ = await node.get(NUMBER, CODE_TEXT, method=method)
        assert (status, headers["allow"]) == (405, "GET")
        await asyncio.sleep(0.05)
        assert server.messages == []


async def test_url_is_the_same_at_each_start_and_unknown_parameters_are_ignored() -> None:
    async with shim() as (server, _):
        again = await server.services.shim_tokens.token_for("meshcentral", "default")
        assert f"/sms/{again}?" in server.shim_url
        url = server.shim_url.replace("{{phone}}", "5557654321").replace("{{message}}", "x")
        async with aiohttp.ClientSession() as http, http.get(f"{url}&kind=2fa") as response:
            assert response.status == 200


NODE_CLIENT = """
const http = require("http");
const template = process.argv[1];
const send = (message) => new Promise((done, failed) => {
  const url = template.replace("{{phone}}", encodeURIComponent("+1 555-765.4321"))
    .replace("{{message}}", encodeURIComponent(message));
  http.get(url, (answer) => {
    const socket = answer.socket;
    answer.resume();
    answer.on("end", () => done([answer.statusCode, socket.localPort]));
  }).on("error", failed);
});
(async () => {
  const first = await send("it's A & B: 0482 \\u78ba\\n.");
  await new Promise((go) => setTimeout(go, Number(process.argv[2])));
  const second = await send("second");
  console.log(JSON.stringify([first[0], second[0], first[1] === second[1]]));
  process.exit(0);
})().catch((error) => { console.error(error); process.exit(1); });
"""


@pytest.mark.parametrize("pause", [100, 4500])
async def test_node_itself(pause: int) -> None:
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("node is not installed")
        pytest.skip("node is not installed")
    async with running_server({}) as server:
        process = await asyncio.create_subprocess_exec(
            node,
            "-e",
            NODE_CLIENT,
            server.shim_url,
            str(pause),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            output, errors = await asyncio.wait_for(process.communicate(), 20)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, errors.decode()
        arrived = await server.wait_for_messages(2)
    first, second, reused = output.decode().strip().strip("[]").split(",")
    assert (first, second) == ("200", "200")
    assert reused == "true" or pause > 1000
    assert [sms.text for sms in arrived] == ["it's A & B: 0482 確\n.", "second"]
    assert {sms.to for sms in arrived} == {NUMBER}
