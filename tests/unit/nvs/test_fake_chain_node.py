"""The fake chain over HTTP: a moving tip, notifications, waiting, and the server program."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest

from nvs.rpc import RpcClient
from nvs.testing import Failure, FakeChain, FakeChainNode, FakeRpc, SyntheticNames
from nvs.testing.fake_http import HttpReply
from nvs.testing.serve_chain import grow, main, synthetic_chain

NAME = "enum:14155551234:0"


async def test_a_chain_behind_the_client() -> None:
    with FakeChainNode() as node:
        node.chain.name_new(NAME, "v", 30)
        (tip,) = node.chain.mine()
        client = RpcClient.from_url(node.url)
        try:
            assert await client.best_block() == (tip, 101)
            info = await client.name_show(NAME)
            assert info is not None
            assert (info.value, info.expires_in) == (b"v", 5250)
            block = await client.call("getblock", tip, 2)
            assert block["tx"][1]["version"] == 1638
        finally:
            await client.close()
        assert node.calls("name_show") == [(NAME, "hex")]


def call(chain: FakeChain, *calls: tuple[Any, ...]) -> list[Any]:
    batch = [{"id": 1, "method": method, "params": params} for method, *params in calls]
    return [r["result"] for r in json.loads(FakeRpc(chain).answer(json.dumps(batch).encode())[1])]


def test_the_tip_moves_between_the_calls_of_a_batch() -> None:
    chain = FakeChain(height=3)
    chain.before_call("getblockcount", chain.mine, after=1, times=2)
    assert call(chain, *[("getblockcount",)] * 4) == [3, 4, 5, 5]
    seen = []
    chain.before_call("*", lambda: seen.append(chain.height), times=None)
    call(chain, ("getblockcount",), ("getbestblockhash",))
    assert seen == [5, 5]


def test_a_reorganisation_between_two_reads() -> None:
    chain = FakeChain(height=3)
    chain.name_new(NAME, "v", 30)
    chain.mine()
    chain.before_call("name_show", lambda: chain.reorg(1))
    before, gone, after = call(
        chain, ("getbestblockhash",), ("name_show", NAME), ("getbestblockhash",)
    )
    assert gone is None
    assert before != after
    assert call(chain, ("getblock", before))[0]["confirmations"] == -1


def test_waiting_for_a_block() -> None:
    chain = FakeChain(height=3)
    old = chain.best_hash()
    assert call(chain, ("waitfornewblock", 1)) == [{"hash": old, "height": 3}]
    with FakeChainNode(chain, password="p") as node:
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.append(post(node.url, "waitfornewblock")))
        thread.start()
        assert node.asked.wait(10)
        assert post(node.url, "getblockcount") == 3  # others are answered meanwhile
        time.sleep(0.05)
        (new,) = chain.mine()
        thread.join(10)
        assert answers == [{"hash": new, "height": 4}]


def post(url: str, method: str, *params: Any) -> Any:
    parts = urlsplit(url)
    token = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    body = json.dumps({"id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(
        f"http://{parts.hostname}:{parts.port}",
        data=body,
        headers={"Authorization": f"Basic {token}"},
    )
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)["result"]


def test_failures_apply_to_a_chain_too() -> None:
    chain = FakeChain(height=3)
    chain.name_new(NAME, "v")
    chain.mine()
    node = FakeChainNode(chain, user="u", password="p")
    node.keep_requests = False
    ask = json.dumps({"id": 1, "method": "name_show", "params": [NAME]}).encode()
    token = "Basic " + base64.b64encode(b"u:p").decode()
    node.fail_with(Failure.UNREADABLE, times=1)
    reply = node.respond(token, ask)
    assert isinstance(reply, HttpReply)
    assert b"failed to read from from disk" in reply.body
    assert b'"value":"v"' in node.respond(token, ask).body
    assert node.requests == []


# Notifications -----------------------------------------------------------------------------


def test_hashblock_is_published_for_new_tips_only() -> None:
    zmq = pytest.importorskip("zmq")
    chain = FakeChain(height=3)
    endpoint = chain.publish_hashblock()
    with zmq.Context() as context, context.socket(zmq.SUB) as subscriber:
        subscriber.setsockopt(zmq.SUBSCRIBE, b"hashblock")
        subscriber.setsockopt(zmq.RCVTIMEO, 10_000)
        subscriber.setsockopt(zmq.LINGER, 0)
        subscriber.connect(endpoint)
        first = 0
        for _ in range(200):  # a subscription takes a moment
            chain.mine()
            first += 1
            if subscriber.poll(50):
                break
        got = [subscriber.recv_multipart()]
        while len(got) and got[-1][1].hex() != chain.best_hash():
            got.append(subscriber.recv_multipart())
        number = int.from_bytes(got[-1][2], "little")
        assert number == first - 1
        chain.invalidate(1)
        chain.reorg(1, 3, change=lambda c: c.mine())
        again = chain.reconsider()
        messages = [subscriber.recv_multipart() for _ in range(1 + len(again))]
        assert [m[0] for m in messages] == [b"hashblock"] * len(messages)
        assert [int.from_bytes(m[2], "little") for m in messages] == [
            number + 1 + i for i in range(len(messages))
        ]
        assert [m[1].hex() for m in messages[1:]] == again
        chain.publish_hashblock()  # elsewhere
        chain.close()
        chain.close()
        chain.mine()
        assert not subscriber.poll(50)


# The program -------------------------------------------------------------------------------


class Until(io.StringIO):
    """Standard input that ends as soon as `done` is set."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.lines = lines
        self.done = threading.Event()

    def readline(self, _size: int = -1, /) -> str:
        if self.lines:
            return self.lines.pop()
        assert self.done.wait(20)
        return ""


def test_the_program_serves_until_its_input_ends(capsys) -> None:
    until = Until(["a line\n"])
    arguments = ["--names", "30", "--per-block", "10", "--mine-every", "0.01", "--changes", "2"]
    thread = threading.Thread(target=main, args=(arguments, until))
    thread.start()
    try:
        said = ""
        for _ in range(200):
            said += capsys.readouterr().out
            if "height" in said:
                break
            time.sleep(0.05)
        url, state = said.splitlines()
        assert state.startswith("height 103 best ")
        for _ in range(200):
            if post(url, "getblockcount") > 104:
                break
            time.sleep(0.05)
        block = post(url, "getblock", post(url, "getblockhash", 104), 2)
        assert [t["version"] for t in block["tx"]] == [2, 1638, 1638]
    finally:
        until.done.set()
        thread.join(30)
    assert not thread.is_alive()


def test_the_program_can_be_interrupted(capsys) -> None:
    class Interrupt(io.StringIO):
        def readline(self, _size: int = -1, /) -> str:
            raise KeyboardInterrupt

    assert main(["--names", "0"], Interrupt()) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "interrupted"


def test_growth_updates_names_at_their_address() -> None:
    chain = synthetic_chain(5)
    source = SyntheticNames(5, chain.network)
    grow(chain, source, 3, 4)
    changed = [n for n in chain.snapshot().values() if n.value.endswith(b"# block 102")]
    assert {n.name for n in changed} == {source[i].name for i in (4, 0, 1)}
    assert {n.address for n in changed} == {source[i].address for i in (4, 0, 1)}
