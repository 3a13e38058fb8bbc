"""Several calls in one request, each with its own outcome."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from nvs.errors import NvsUnavailable, RpcError
from nvs.rpc import RpcClient
from nvs.rpc_batch import BatchJob, RowsJob
from nvs.rpc_link import JsonAnswer, UnreadableAnswer
from nvs.testing import Failure, FakeChain, FakeChainNode, FakeNode


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode() as node:
        yield node


@pytest.fixture
async def client(node: FakeNode) -> AsyncIterator[RpcClient]:
    async with RpcClient.from_url(node.url, timeout=2.0) as client:
        yield client


async def test_each_element_has_its_own_outcome(node: FakeNode, client: RpcClient) -> None:
    node.add("enum:1415:0", "value")
    found, missing, unknown, height = await client.call_each(
        [
            ("name_show", "enum:1415:0", "hex"),
            ("name_show", "enum:1415:1", "hex"),
            ("nonsense",),
            ("getblockcount",),
        ]
    )
    assert found["value"] == b"value".hex()
    assert (type(missing), missing.code) == (RpcError, -4)
    assert unknown.code == -32601
    assert height == 100
    assert len(node.requests) == 1


async def test_text_is_one_character_for_each_octet(node: FakeNode, client: RpcClient) -> None:
    node.add(b"enum:\xff\xfe", b"\xe4")
    (found,) = await client.call_each([("name_show", "enum:\xff\xfe")])
    assert (found["name"], found["value"]) == ("enum:\xff\xfe", "\xe4")


async def test_one_element_that_says_warming_up_is_no_answer(node, client) -> None:
    node.fail_with(Failure.WARMING_UP)
    with pytest.raises(NvsUnavailable, match="Loading block index"):
        await client.call_each([("getblockcount",)])
    node.heal()
    node.fail_with(Failure.WORK_QUEUE, times=1)
    assert await client.call_each([("getblockcount",)], wait=1.0) == [100]


async def test_time_out(node: FakeNode, client: RpcClient) -> None:
    node.fail_with(Failure.HANG)
    with pytest.raises(NvsUnavailable, match=r"no answer within 0\.0"):
        await client.call_each([("getblockcount",)], wait=0.04)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{}", "no JSON-RPC batch"),
        ("[]", "no JSON-RPC batch"),
        ('{"result":null,"error":{"code":-32700,"message":"Parse error"}}', "Parse error"),
        ("[1]", "no JSON-RPC reply"),
        ('[{"id":7,"result":1}]', "no JSON-RPC reply"),
        ('[{"id":0}]', "no JSON-RPC reply"),
        ('[{"id":0,"result":null,"error":7}]', "no JSON-RPC reply"),
        ("[[[", "no JSON-RPC reply"),
    ],
)
async def test_other_answers(node: FakeNode, client: RpcClient, body: str, message: str) -> None:
    node.fail_with(Failure.GARBAGE, body=body.encode())
    with pytest.raises(NvsUnavailable, match=message):
        await client.call_each([("getblockcount",)])


async def test_rows() -> None:
    chain = FakeChain()
    chain.name_new("enum:1415:0", "a")
    chain.name_new(b"enum:\xff", "b")
    chain.mine()
    with FakeChainNode(chain) as node:
        async with RpcClient.from_url(node.url) as client:
            rows = await client.call_rows(("name_filter", "^enum"), lambda row: row["name"], wait=2)
            assert rows == ["enum:\xff", "enum:1415:0"]
            none = await client.call_rows(("name_filter", "^x"), lambda row: row, wait=2)
            assert none == []
            error = await client.call_rows(("name_filter", "("), lambda row: row, wait=2)
            assert isinstance(error, RpcError)


class _Link:
    sock = None

    def __init__(self, body: str) -> None:
        self._body = body

    def request(self, *_: Any) -> None:
        """Sent."""

    def getresponse(self) -> JsonAnswer:
        return JsonAnswer(200, "OK", self._body.encode())


@pytest.mark.parametrize(
    "body",
    [
        '[{"result":[{"a":"},{"},{"a":2}],"error":null,"id":0}]',
        '[ {"id": 0, "result": [{"a":"},{"}, {"a":2}], "error": null} ]',
    ],
)
def test_rows_in_any_spelling(body: str) -> None:
    job = RowsJob(("name_filter",), lambda row: row["a"], 1.0)
    assert job.ask(_Link(body), "/") == [["},{", 2]]


@pytest.mark.parametrize("body", ['[{"result":[{"a":1} 7', '[{"result":[7]}]', '[{"result":[{]'])
def test_rows_that_break_off(body: str) -> None:
    with pytest.raises((ValueError, UnreadableAnswer)):
        RowsJob(("name_filter",), lambda row: row, 1.0).ask(_Link(body), "/")


def test_rows_of_an_answer_that_is_none() -> None:
    for body in ("{}", "[7]", '[ {"id":0,"result":7} ]'):
        job = RowsJob(("name_filter",), lambda row: row, 1.0)
        try:
            assert job.ask(_Link(body), "/") == [7]
        except UnreadableAnswer:
            assert json.loads(body) != [{"id": 0, "result": 7}]


def test_parameters_that_are_no_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        BatchJob([("x", float("nan"))], 1.0)


async def test_a_txid_that_is_none(node: FakeNode, client: RpcClient) -> None:
    from nvs.errors import UnusableAnswer
    from nvs.name_info import NameInfo

    node.add("enum:1415:0", "value")
    (answer,) = await client.call_each([("name_show", "enum:1415:0", "hex")])
    assert NameInfo.from_json("enum:1415:0", answer).txid == answer["txid"]
    with pytest.raises(UnusableAnswer, match="txid"):
        NameInfo.from_json("enum:1415:0", {**answer, "txid": 7})
