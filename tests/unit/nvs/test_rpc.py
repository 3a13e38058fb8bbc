"""The RPC client against a node that misbehaves in every known way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import nvs.rpc_link
from nvs.errors import NvsError, NvsUnavailable, RpcAuthError, RpcError, UnusableAnswer
from nvs.name_info import whole_number
from nvs.rpc import NameInfo, RpcClient
from nvs.rpc_endpoint import RpcEndpoint
from nvs.rpc_link import Link, LinkStopped
from nvs.testing import Failure, FakeNode

NAME = "enum:14155551234:0"


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode(height=100) as node:
        yield node


@pytest.fixture
async def client(node: FakeNode) -> AsyncIterator[RpcClient]:
    endpoint = RpcEndpoint.parse(node.url)
    async with RpcClient(endpoint, timeout=2.0, busy_waits=(0.001, 0.001)) as client:
        yield client


# Where the node is --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://u:p%40s%3As@10.0.0.1", ("http", "10.0.0.1", 6662, "/", "u", "p@s:s")),
        ("https://u@node:1/wallet/w", ("https", "node", 1, "/wallet/w", "u", "")),
        ("http://u:p@[::1]:7000/", ("http", "::1", 7000, "/", "u", "p")),
    ],
)
def test_urls(url: str, expected: tuple[Any, ...]) -> None:
    e = RpcEndpoint.parse(url)
    assert (e.scheme, e.host, e.port, e.path, e.user, e.password) == expected
    assert e.cookie_file is None


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:6662",
        "ftp://h",
        "http://",
        "http://u:hunter2/x@h",
        "http://u:hunter2@h:port",
        "http://h?hunter2",
        "http://h#hunter2",
        "http://[::1",
    ],
)
def test_wrong_urls_are_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="not http") as caught:
        RpcEndpoint.parse(url)
    assert "hunter2" not in str(caught.value)


def test_passwords_are_in_no_repr() -> None:
    endpoint = RpcEndpoint.parse("http://user:hunter2@[::1]")
    client = RpcClient.from_url("http://user:hunter2@[::1]")
    assert "hunter2" not in repr(endpoint) + repr(client) + str(client)
    assert client.address == "[::1]:6662"


def test_cookie_files(tmp_path: Path, monkeypatch: Any) -> None:
    cookie = tmp_path / ".cookie"
    named = RpcEndpoint.parse("http://u:p@h", str(cookie))
    assert (named.user, named.cookie_file) == (None, cookie)
    with pytest.raises(NvsUnavailable, match="is the node running"):
        named.authorization()
    cookie.write_text("nothing")
    with pytest.raises(RpcAuthError, match="no user:password"):
        named.authorization()
    cookie.write_text("a:b\n")
    assert named.authorization() == "Basic YTpi"
    with pytest.raises(RpcAuthError, match="cannot be read"):
        RpcEndpoint.parse("http://h", str(tmp_path)).authorization()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert RpcEndpoint.parse("http://h").cookie_file == tmp_path / ".emercoin" / ".cookie"
    assert RpcEndpoint("h").authorization() == "Basic Og=="


# Good answers -------------------------------------------------------------------------


async def test_name_show(node: FakeNode, client: RpcClient) -> None:
    node.add(NAME, b"\x00\xff\n", address="E1", expires_in=5)
    assert await client.name_show(NAME) == NameInfo(NAME, b"\x00\xff\n", "E1", 5, 105)
    assert node.calls("name_show") == [(NAME, "hex")]
    assert await client.name_show("enum:14155551234:1") is None
    node.orphan(NAME)
    assert await client.name_show(NAME) is None


async def test_a_name_lives_at_its_last_block(node: FakeNode, client: RpcClient) -> None:
    node.add(NAME, "v", expires_in=0)
    last_block = await client.name_show(NAME)
    node.mine()
    past = await client.name_show(NAME)
    node.add(NAME, "v")
    node.delete(NAME)
    deleted = await client.name_show(NAME)
    assert last_block is not None
    assert past is not None
    assert deleted is not None
    assert [info.live for info in (last_block, past, deleted)] == [True, False, False]
    assert (past.value, deleted.value, deleted.expires_at) == (b"v", b"", 0)
    assert not NameInfo("a", b"", None, 5, 5, deleted=True).live


async def test_height_and_best_block(node: FakeNode, client: RpcClient) -> None:
    assert await client.height() == 100
    assert await client.best_block() == (node.best_hash(), 100)


async def test_best_block_while_blocks_arrive(client: RpcClient, monkeypatch: Any) -> None:
    hashes = iter("abbc")
    monkeypatch.setattr(client, "best_hash", lambda: asyncio.sleep(0, next(hashes)))
    monkeypatch.setattr(client, "height", lambda: asyncio.sleep(0, 7))
    assert await client.best_block() == ("b", 7)
    hashes = iter("abcdefg")
    with pytest.raises(NvsUnavailable, match="keeps changing"):
        await client.best_block()


async def test_calls_share_a_few_connections(node: FakeNode, client: RpcClient) -> None:
    await asyncio.gather(*(client.height() for _ in range(40)))
    assert node.connections <= 4
    assert len(node.calls("getblockcount")) == 40


async def test_parameters_that_the_node_would_mangle(client: RpcClient, node: FakeNode) -> None:
    for params in (("ä",), ([{"k": "€"}],), (float("nan"),)):
        with pytest.raises(ValueError):
            await client.call("echo", *params)
    with pytest.raises(TypeError):
        await client.call("echo", object())
    with pytest.raises(RpcError):
        await client.call("echo", Decimal("1.5"))
    assert node.calls("echo") == [("1.5",)]


# Bad answers --------------------------------------------------------------------------


async def test_errors_of_the_node(node: FakeNode, client: RpcClient) -> None:
    with pytest.raises(RpcError, match=r"Method not found \(code -32601\)") as caught:
        await client.call("nosuch")
    assert (caught.value.code, caught.value.message) == (-32601, "Method not found")
    assert not isinstance(caught.value, NvsUnavailable)
    with pytest.raises(RpcError) as caught:
        await client.call("name_show")
    assert caught.value.message == "name_show <name> [valuetype] [filepath]"
    assert node.connections == 1  # error answers do not cost the connection


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (Failure.WARMING_UP, "Loading block index"),
        (Failure.DOWNLOADING_BLOCKS, "Emercoin is downloading blocks"),
        (Failure.UNREADABLE, "failed to read from from disk"),
        (Failure.DISCONNECT, "connection failed|reset"),
        (Failure.WORK_QUEUE, "Work queue depth exceeded"),
        (Failure.FORBIDDEN, "HTTP 403"),
    ],
)
async def test_node_trouble(node: FakeNode, client: RpcClient, failure, said) -> None:
    node.add(NAME, "v")
    node.fail_with(failure)
    with pytest.raises(NvsUnavailable, match=said):
        await client.name_show(NAME)
    node.heal()
    assert await client.name_show(NAME) is not None


async def test_a_full_work_queue_is_tried_again(node: FakeNode, client: RpcClient) -> None:
    node.fail_with("work-queue", times=2)
    assert await client.height() == 100
    assert len(node.requests) == 3
    assert node.connections == 1


OK = '"error":null,"id":1}'
DECIMALS = "9" * 400


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "null",
        "5",
        "[]",
        "[1]",
        '"error"',
        "{}",
        '{"result":1',
        '{"error":null}',
        '{"id":1}',
        '{"result":null,"error":5,"id":1}',
        '{"result":null,"error":"code","id":1}',
        '{"result":null,"error":{},"id":1}',
        '{"result":null,"error":{"code":"-4"},"id":1}',
        '{"result":null,"error":{"code":true},"id":1}',
        '{"result":null,"error":[],"id":1}',
        "[" * 100_000,
        "1" * 5000,
        "\udcff",
        '{"result":"1",' + OK,
        '{"result":1.5,' + OK,
        '{"result":true,' + OK,
        '{"result":null,' + OK,
        '{"result":1e999999999,' + OK,
        '{"result":1e20,' + OK,
        '{"result":NaN,' + OK,
        f'{{"result":{DECIMALS},' + OK,
    ],
)
async def test_garbage_is_unavailable(node: FakeNode, client: RpcClient, body: str) -> None:
    node.fail_with("garbage", body=body.encode("utf-8", "surrogateescape"))
    with pytest.raises(NvsUnavailable):
        await client.height()
    node.heal()
    assert await client.height() == 100


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", '"other"'),
        ("name", "null"),
        ("value", "5"),
        ("value", '"abc"'),
        ("value", '"zz"'),
        ("value", '"a b "'),
        ("address", "5"),
        ("expires_in", '"5"'),
        ("expires_in", "null"),
        ("expires_at", "1.5"),
        ("expires_at", "1e19"),
        ("deleted", "1"),
    ],
)
async def test_fields_of_wrong_types(node, client, field: str, value: str) -> None:
    good = {"name": f'"{NAME}"', "value": '"00"', "expires_in": "5.0", "expires_at": "105"}

    async def ask(fields: dict[str, str]) -> NameInfo | None:
        result = ",".join(f'"{key}":{text}' for key, text in fields.items())
        node.fail_with("garbage", body=f'{{"result":{{{result}}},"error":null,"id":1}}'.encode())
        return await client.name_show(NAME)

    assert await ask(good) == NameInfo(NAME, b"\x00", None, 5, 105)
    with pytest.raises(UnusableAnswer, match=f": {field}: "):
        await ask({**good, field: value})


async def test_results_of_wrong_types(node: FakeNode, client: RpcClient) -> None:
    node.fail_with("garbage", body=b'{"result":5,"error":null,"id":1}')
    with pytest.raises(UnusableAnswer, match="not an object"):
        await client.name_show(NAME)
    with pytest.raises(UnusableAnswer, match="not a string"):
        await client.best_hash()
    with pytest.raises(UnusableAnswer, match="not a number"):
        whole_number(Decimal("NaN"), "x")


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        (-4, '"failed to decode name"', UnusableAnswer),
        (-4, "5", UnusableAnswer),
        (-1, '"odd\\u0007 \\nsecond line"', UnusableAnswer),
        (-32601, '"Method not found"', NvsUnavailable),
    ],
)
async def test_error_answers_are_never_a_missing_name(node, client, code, message, error) -> None:
    body = f'{{"result":null,"error":{{"code":{code},"message":{message}}},"id":1}}'
    node.fail_with("garbage", body=body.encode())
    with pytest.raises(error) as caught:
        await client.name_show(NAME)
    assert type(caught.value) is error
    assert "second line" not in str(caught.value)
    assert str(caught.value).isprintable()
    for call in (client.height, client.best_hash):
        with pytest.raises(NvsUnavailable):
            await call()


# Connections --------------------------------------------------------------------------


async def test_dropped_keep_alive_connections_are_replaced(
    node: FakeNode, client: RpcClient
) -> None:
    await asyncio.gather(*(client.height() for _ in range(8)))
    node.drop_idle_connections()
    assert await client.height() == 100
    node.refuse_connections()
    with pytest.raises(NvsUnavailable, match="refused"):
        await client.height()
    node.accept_connections()
    assert await client.height() == 100


async def test_calls_that_change_something_are_sent_once(node: FakeNode, client: RpcClient) -> None:
    await client.height()
    node.drop_idle_connections()
    with pytest.raises(RpcError):  # arrives, since it has a connection of its own
        await client.call("name_new", "a", "b", 1)
    node.fail_with("disconnect")
    with pytest.raises(NvsUnavailable):
        await client.call("name_new", "a", "b", 1)
    assert len(node.calls("name_new")) == 2


async def test_a_reused_connection_is_retried_only_once(node: FakeNode, client: RpcClient) -> None:
    await client.height()
    node.fail_with("disconnect")
    with pytest.raises(NvsUnavailable):
        await client.height()
    assert len(node.requests) == 3


async def test_unknown_host() -> None:
    async with RpcClient.from_url("http://u:p@host.invalid:1", timeout=5.0) as client:
        with pytest.raises(NvsUnavailable, match=r"host\.invalid:1"):
            await client.height()


async def test_read_timeout(node: FakeNode) -> None:
    node.fail_with("hang")
    async with RpcClient.from_url(node.url, timeout=0.05, deadline=5.0) as client:
        with pytest.raises(NvsUnavailable, match=r"no answer within 0\.05 s"):
            await client.height()


async def test_deadline_frees_the_worker(node: FakeNode) -> None:
    node.fail_with("hang")
    async with RpcClient.from_url(node.url, timeout=60.0, deadline=0.1, pool_size=1) as client:
        calls = [client.height(), client.height()]  # the second waits for a worker
        for error in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(error, NvsUnavailable)
            assert "no answer within 0.1 s" in str(error)
        node.heal()
        assert await client.height() == 100


async def test_a_deadline_ends_the_waiting_for_a_full_work_queue(node: FakeNode) -> None:
    node.fail_with("work-queue")
    endpoint = RpcEndpoint.parse(node.url)
    client = RpcClient(endpoint, timeout=5.0, deadline=0.1, busy_waits=(60.0,))
    async with asyncio.timeout(5), client:
        with pytest.raises(NvsUnavailable, match="no answer"):
            await client.height()


async def test_close_ends_waiting_calls(node: FakeNode) -> None:
    node.fail_with("hang")
    client = RpcClient.from_url(node.url, timeout=60.0, pool_size=1)
    waiting = [asyncio.create_task(client.height()) for _ in range(2)]
    assert await asyncio.to_thread(node.asked.wait, 5)
    async with asyncio.timeout(5):
        await client.close()
        for error in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(error, NvsUnavailable)
    with pytest.raises(NvsUnavailable, match="closed"):
        await client.height()
    assert not [t for t in threading.enumerate() if t.name.startswith("nvs-rpc")]


async def test_a_cancelled_call_frees_the_worker(node: FakeNode) -> None:
    node.fail_with("hang")
    async with RpcClient.from_url(node.url, timeout=60.0, pool_size=1) as client:
        call = asyncio.create_task(client.height())
        assert await asyncio.to_thread(node.asked.wait, 5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        node.heal()
        async with asyncio.timeout(5):
            assert await client.height() == 100


def test_a_link_stopped_before_it_has_a_socket(node: FakeNode) -> None:
    link = Link(RpcEndpoint.parse(node.url), 5.0)
    link.stop()
    with pytest.raises(LinkStopped):
        link.request("POST", "/", "", {})
    link.close()
    secure = Link(RpcEndpoint.parse(f"https://u:p@{node.address}"), 5.0)
    assert secure.sock is None


async def test_a_job_given_up_before_its_link_is_known(client: RpcClient, monkeypatch) -> None:
    take = client._take

    def take_late(*, reuse: bool) -> Link:
        for job in tuple(client._jobs):
            job.stop()
        return take(reuse=reuse)

    monkeypatch.setattr(client, "_take", take_late)
    with pytest.raises(NvsUnavailable, match="given up"):
        await client.height()


async def test_answers_that_are_too_long(node: FakeNode, client: RpcClient, monkeypatch) -> None:
    monkeypatch.setattr(nvs.rpc_link, "MAX_ANSWER_OCTETS", 10)
    with pytest.raises(NvsUnavailable, match="more than 10 octets"):
        await client.height()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>", "HTTP 200 with content type"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", "HTTP 502 with content type 'none'"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "IncompleteRead"),
        (b"secret\r\n", "BadStatusLine"),
    ],
)
async def test_what_is_no_node(answer: bytes, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while not connection.recv(65536).endswith(b"}"):
                    """Read on: closing before the request is read resets the connection."""
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://u:p@127.0.0.1:{server.getsockname()[1]}"
        async with RpcClient.from_url(url, timeout=5.0) as client:
            with pytest.raises(NvsUnavailable, match=said) as caught:
                await client.height()
        assert "secret" not in str(caught.value)
        thread.join(5)


async def test_octets_that_drip_beyond_the_deadline() -> None:
    """Each octet comes in time, the answer never does; the worker is freed all the same."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        ended = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                while not ended.wait(0.02):
                    connection.sendall(b"x")

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://u:p@127.0.0.1:{server.getsockname()[1]}"
        async with asyncio.timeout(5), RpcClient.from_url(url, deadline=0.1) as client:
            with pytest.raises(NvsUnavailable, match="no answer"):
                await client.height()
        ended.set()
        thread.join(5)


async def test_connections_that_the_server_closes_are_not_kept(client, monkeypatch) -> None:
    answers: list[Link] = []
    put_back = client._put_back

    def closed_by_server(link: Link, *, keep: bool) -> None:
        link.close()
        answers.append(link)
        put_back(link, keep=keep)

    monkeypatch.setattr(client, "_put_back", closed_by_server)
    await client.height()
    assert len(answers) == 1
    assert not client._idle


# Authorization ------------------------------------------------------------------------


async def test_a_wrong_password(node: FakeNode, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="BitcoinRPC")
    async with RpcClient.from_url(f"http://user:hunter2@{node.address}") as client:
        with pytest.raises(RpcAuthError, match="HTTP 401") as caught:
            await client.height()
    assert isinstance(caught.value, NvsUnavailable)
    assert "hunter2" not in str(caught.value) + repr(caught.value) + caplog.text
    assert len(node.requests) == 1


async def test_values_are_not_logged(node: FakeNode, client: RpcClient, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, logger="BitcoinRPC")
    node.add(NAME, "v", address="Ecanary")
    await client.name_show(NAME)
    assert "canary" not in caplog.text
    assert NAME not in caplog.text


async def test_special_characters_in_the_password() -> None:
    with FakeNode(user="ü:", password="p@ss/:%é") as node:
        node.user = "user"
        async with RpcClient.from_url(node.url) as client:
            assert await client.height() == 100


async def test_the_cookie_is_read_again_after_a_restart(node: FakeNode, tmp_path: Path) -> None:
    cookie = tmp_path / "cookie"
    node.write_cookie(cookie)
    async with RpcClient.from_url(node.bare_url, str(cookie)) as client:
        assert await client.height() == 100
        node.write_cookie(cookie)  # the connection stays, the cookie is another
        assert await client.height() == 100
        assert [request.status for request in node.requests] == [200, 401, 200]
        cookie.write_text("__cookie__:wrong")
        node.drop_idle_connections()
        with pytest.raises(RpcAuthError):
            await client.height()
        cookie.unlink()
        with pytest.raises(NvsUnavailable, match="is the node running"):
            await client.height()


def test_every_error_belongs_to_the_tree() -> None:
    assert issubclass(RpcError, NvsError)
    assert issubclass(RpcAuthError, NvsUnavailable)
    assert issubclass(UnusableAnswer, NvsUnavailable)
