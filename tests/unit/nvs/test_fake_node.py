"""The fake node says octet by octet what Emercoin Core 0.8.6 said on regtest."""

from __future__ import annotations

import ast
import contextlib
import http.client
import itertools
import os
import socket
from base64 import b64encode
from pathlib import Path

import pytest

from nvs.testing import Failure, FakeLedger, FakeNode, FakeRpc
from nvs.testing.fake_http import FakeHttpServer, HttpReply
from nvs.testing.node_json import read_json, write_json

TXID = "60635b385f9bcc7c36768191c3993a8d5759b487d34bb40a52ba3a0693efca1b"
SHARED = Path(
    os.environ.get("EMERCOIN_TRANSCRIPTS", "")
    or Path(__file__).parents[4] / "shared" / "facts" / "emercoin-transcripts"
)


@pytest.fixture
def ledger() -> FakeLedger:
    ledger = FakeLedger(height=48)
    shape = {"txid": TXID, "address": "emrt1q7", "expires_at": 923, "time": 1795224677}
    ledger.add("tmp:utf8", "café € 😀", vout=1, **shape)
    ledger.add("tmp:bin", bytes.fromhex("00ff80fe0a0d22"), **shape)
    ledger.add("tmp:näme", "v", **shape)
    ledger.add("tmp:nl", 'SIG=x\nTTL=5\t\x08\x0c\\"\x1f\x7f', **shape)
    return ledger


def show(*params: str) -> bytes:
    quoted = ", ".join(f'"{param}"' for param in params)
    return f'{{"id": 1, "method": "name_show", "params": [{quoted}]}}'.encode()


TAIL = (
    b'"txid":"60635b385f9bcc7c36768191c3993a8d5759b487d34bb40a52ba3a0693efca1b",'
    b'"address":"emrt1q7","vout":%d,"expires_in":875,"expires_at":923,"time":1795224677}'
)


@pytest.mark.parametrize(
    ("params", "name_and_value", "vout"),
    [
        (
            ["tmp:utf8"],
            b'"tmp:utf8","value":"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"',
            1,
        ),
        (["tmp:utf8", "hex"], b'"tmp:utf8","value":"636166c3a920e282ac20f09f9880"', 1),
        (["tmp:utf8", "base64"], b'"tmp:utf8","value":"Y2Fmw6kg4oKsIPCfmIA="', 1),
        (["tmp:bin"], b'"tmp:bin","value":"\\u0000\xff\x80\xfe\\n\\r\\""', 0),
        (["tmp:bin", "hex"], b'"tmp:bin","value":"00ff80fe0a0d22"', 0),
        (["tmp:bin", "nonsense"], b'"tmp:bin","value":"\\u0000\xff\x80\xfe\\n\\r\\""', 0),
        (["tmp:näme"], b'"tmp:n\xc3\xa4me","value":"v"', 0),
        (["tmp:nl"], b'"tmp:nl","value":"SIG=x\\nTTL=5\\t\\b\\f\\\\\\"\\u001f\\u007f"', 0),
    ],
)
def test_single_replies_hold_raw_octets(ledger, params, name_and_value, vout) -> None:
    status, body = FakeRpc(ledger).answer(show(*params))
    expected = b'{"result":{"name":' + name_and_value + b"," + TAIL % vout
    assert (status, body) == (200, expected + b',"error":null,"id":1}\n')


def test_batch_replies_escape_every_high_octet(ledger) -> None:
    batch = b"[" + show("tmp:utf8") + b"," + show("tmp:bin") + b"," + show("missing") + b"]"
    assert FakeRpc(ledger).answer(batch) == (
        200,
        b'[{"result":{"name":"tmp:utf8","value":"caf\\u00C3\\u00A9 \\u00E2\\u0082\\u00AC '
        b'\\u00F0\\u009F\\u0098\\u0080",' + TAIL % 1 + b',"error":null,"id":1},'
        b'{"result":{"name":"tmp:bin","value":"\\u0000\\u00FF\\u0080\\u00FE\\n\\r\\"",'
        + TAIL
        % 0
        + b',"error":null,"id":1},{"result":null,"error":{"code":-4,'
        b'"message":"failed to read from name DB"},"id":1}]\n',
    )


def test_escapes_in_a_request_are_cut_to_one_octet_each(ledger) -> None:
    ledger.add(b"caf\xe9 \xac =\x00", "v")
    body = b'{"id":1,"method":"name_show","params":["caf\\u00e9 \\u20ac \\ud83d\\ude00"]}'
    assert FakeRpc(ledger).answer(body)[0] == 200
    # ... so that a UTF-8 name asked for by escapes is another name:
    assert FakeRpc(ledger).answer(show("tmp:n\\u00e4me"))[0] == 500


def test_an_expired_name_shows_its_old_value_and_a_deleted_one_none() -> None:
    ledger = FakeLedger(height=229)
    ledger.add("enum:15550001:0", "v", txid="a", address="b", expires_at=230, time=7)
    rpc = FakeRpc(ledger)

    def tail() -> bytes:
        return rpc.answer(show("enum:15550001:0"))[1].partition(b'"vout":0,')[2]

    end = b'},"error":null,"id":1}\n'
    assert tail() == b'"expires_in":1,"expires_at":230,"time":7' + end
    ledger.mine()
    assert tail() == b'"expires_in":0,"expires_at":230,"time":7,"expired":true' + end
    ledger.mine()
    assert tail() == b'"expires_in":-1,"expires_at":230,"time":7,"expired":true' + end
    ledger.delete("enum:15550001:0")
    assert tail() == b'"expires_in":-231,"expires_at":0,"time":7,"deleted":true' + end
    assert b'"value":"",' in rpc.answer(show("enum:15550001:0"))[1]


def test_changes_of_a_name() -> None:
    ledger = FakeLedger(height=10)
    ledger.add("a", "1", days=1)
    assert ledger.find(b"a").expires_at == 185
    updated = ledger.update("a", "2", days=2)
    assert (updated.value, updated.expires_at) == (b"2", 535)
    assert ledger.update("a", "2", address="E9").address == "E9"
    assert ledger.add("b", b"\xff", expires_in=5).expires_at == 15
    assert ledger.expire("b").expires_at == 9
    ledger.orphan("a")
    assert FakeRpc(ledger).answer(show("a")) == (
        500,
        b'{"result":null,"error":{"code":-4,"message":"no result returned"},"id":1}\n',
    )
    ledger.forget("a")
    assert ledger.find(b"a") is None


def error(code: int, message: str, request_id: str = "1") -> bytes:
    return (
        f'{{"result":null,"error":{{"code":{code},"message":"{message}"}},"id":{request_id}}}\n'
    ).encode()


HELP = (
    "name_show <name> [valuetype] [filepath]\\nShow values of a name.\\n\\nArguments:\\n"
    '1. name      (string, required).\\n2. valuetype (string, optional) If \\"hex\\" or '
    '\\"base64\\" is specified then it will print value in corresponding format instead of '
    "string.\\n3. filepath  (string, optional) save name value in binary format in specified "
    "file (file will be overwritten!).\\n"
)


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        (b'{"id":1,"method":"nosuch"}', 404, error(-32601, "Method not found")),
        (b'{"id":1}', 400, error(-32600, "Missing method")),
        (b'{"id":1,"method":5}', 400, error(-32600, "Method must be a string")),
        (
            b'{"id":1,"method":"getblockcount","params":5}',
            400,
            error(-32600, "Params must be an array or object"),
        ),
        (b'{"id":1,"method":"getblockcount"', 500, error(-32700, "Parse error", "null")),
        (b'{"id":NaN}', 500, error(-32700, "Parse error", "null")),
        (b"[" * 100_000, 500, error(-32700, "Parse error", "null")),
        (b"5", 500, error(-32700, "Top-level object parse error", "null")),
        (b"[]", 200, b"[]\n"),
        (
            b'[{"id":1,"method":"nosuch"},{"id":2},5]',
            200,
            b'[{"result":null,"error":{"code":-32601,"message":"Method not found"},"id":1},'
            b'{"result":null,"error":{"code":-32600,"message":"Missing method"},"id":2},'
            b'{"result":null,"error":{"code":-32600,"message":"Invalid Request object"},'
            b'"id":null}]\n',
        ),
        (
            b'{"jsonrpc":"2.0","id":"abc","method":"getblockcount"}',
            200,
            b'{"result":48,"error":null,"id":"abc"}\n',
        ),
        (
            b'{"id":1.50,"method":"getblockcount","params":[]}',
            200,
            b'{"result":48,"error":null,"id":1.50}\n',
        ),
        (b'{"id":1,"method":"name_show","params":[]}', 500, error(-1, HELP)),
        (
            b'{"id":1,"method":"name_show","params":[5]}',
            500,
            error(-1, "JSON value is not a string as expected"),
        ),
        (show("a", "b", "/nonexistent/dir/x"), 500, error(-4, "failed to read from name DB")),
        (
            b'{"id":1,"method":"name_show","params":{"nome":"a"}}',
            500,
            error(-8, "Unknown named parameter nome"),
        ),
        (b'{"id":1,"method":"name_show","params":{}}', 500, error(-1, HELP)),
    ],
)
def test_odd_requests(ledger, body, status, answer) -> None:
    assert FakeRpc(ledger).answer(body) == (status, answer)


def test_named_parameters(ledger) -> None:
    named = b'{"id":1,"method":"name_show","params":{"valuetype":"hex","name":"tmp:bin"}}'
    assert FakeRpc(ledger).answer(named) == FakeRpc(ledger).answer(show("tmp:bin", "hex"))


@pytest.mark.parametrize(
    ("failure", "answer"),
    [
        (Failure.WARMING_UP, error(-28, "Loading block index...")),
        (Failure.DOWNLOADING_BLOCKS, error(-10, "Emercoin is downloading blocks...")),
        (Failure.UNREADABLE, error(-4, "failed to read from from disk")),
    ],
)
def test_node_states(ledger, failure, answer) -> None:
    rpc = FakeRpc(ledger)
    rpc.failure = failure
    assert rpc.answer(show("tmp:bin")) == (500, answer)


def test_json_words() -> None:
    assert write_json({"a": [None, True, False, -1, "x"]}) == b'{"a":[null,true,false,-1,"x"]}'
    assert read_json(b'{"a":[null,true,1.0,"\xff"]}') == {"a": [None, True, "1.0", b"\xff"]}


# Over HTTP ----------------------------------------------------------------------------


def post(node: FakeNode, body: bytes, connection: http.client.HTTPConnection | None = None):
    """Status, headers and body of one request."""
    used = connection or http.client.HTTPConnection("127.0.0.1", node.port, timeout=5)
    pair = b64encode(f"{node.user}:{node.password}".encode()).decode()
    try:
        used.request("POST", "/", body, {"Authorization": f"Basic {pair}"})
        response = used.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        if connection is None:
            used.close()


COUNT = b'{"id":1,"method":"getblockcount","params":[]}'


def test_over_http_with_keep_alive() -> None:
    with FakeNode(height=40, password="p:@/ss") as node:
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=5)
        for _ in range(2):
            status, headers, body = post(node, COUNT, connection)
            assert (status, body) == (200, b'{"result":40,"error":null,"id":1}\n')
            assert headers["Content-Type"] == "application/json"
            assert headers["Content-Length"] == "34"
        assert node.connections == 1
        assert "p%3A%40%2Fss@127.0.0.1" in node.url
        node.drop_idle_connections()
        gone = pytest.raises((http.client.HTTPException, OSError))
        with contextlib.closing(connection), gone:
            post(node, COUNT, connection)
        assert node.calls("getblockcount") == [(), ()]


def test_authorization(tmp_path: Path) -> None:
    with FakeNode() as node:
        node.write_cookie(tmp_path / "cookie")
        cookie = (tmp_path / "cookie").read_text()
        assert len(cookie) == 75
        node.password, right = "another", node.password
        assert post(node, COUNT)[0] == 200
        node.user, node.password = cookie.split(":")
        assert post(node, COUNT)[0] == 200
        node.user, node.password = "user", right

        def wrong() -> tuple[int, dict[str, str], bytes]:
            node.user = "other"
            connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=5)
            connection.request("POST", "/", COUNT)
            response = connection.getresponse()
            answer = response.status, dict(response.getheaders()), response.read()
            connection.close()
            return answer

        status, headers, body = wrong()
        assert (status, body) == (401, b"")
        assert headers["WWW-Authenticate"] == 'Basic realm="jsonrpc"'


def test_get_is_refused() -> None:
    with FakeNode() as node:
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=5)
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.status == 405
        assert response.read() == b"JSONRPC server handles only POST requests"
        connection.close()


def test_failures_for_some_requests() -> None:
    with FakeNode() as node:
        node.fail_with(Failure.WORK_QUEUE, times=2)
        for _ in range(2):
            status, headers, body = post(node, COUNT)
            assert (status, body) == (500, b"Work queue depth exceeded")
            assert headers["Content-Type"] != "application/json"
        assert post(node, COUNT)[0] == 200
        node.fail_with("garbage", body=b"{]")
        assert post(node, COUNT)[2] == b"{]"
        node.fail_with("forbidden")
        assert post(node, COUNT)[0] == 403
        node.fail_with("slow", delay=0.01)
        assert post(node, COUNT)[0] == 200
        node.fail_with("disconnect")
        with pytest.raises((http.client.HTTPException, OSError)):
            post(node, COUNT)
        node.fail_with("warming-up")
        assert b'"code":-28' in post(node, COUNT)[2]
        node.heal()
        assert post(node, COUNT)[0] == 200
        assert [request.status for request in node.requests[-3:]] == [0, 500, 200]
        post(node, b"no JSON")
        assert node.requests[-1].calls == ()


def test_hanging_requests_end_with_the_node() -> None:
    with FakeNode() as node:
        node.fail_with("hang")
        stream = socket.create_connection(("127.0.0.1", node.port), timeout=5)
        stream.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]")
        assert node.asked.wait(5)
        node.drop_idle_connections()  # a request under way is not idle
        stream.settimeout(0.05)
        with pytest.raises(TimeoutError):
            stream.recv(1)
    stream.settimeout(5)
    assert stream.recv(1) == b""
    stream.close()


def test_a_connection_that_comes_while_the_server_closes() -> None:
    server = FakeHttpServer(lambda _authorization, _body: HttpReply(200))
    server._closing = True
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as stream:
        assert stream.recv(1) == b""
    server.close()


def test_refused_connections_come_back_on_the_same_port() -> None:
    node = FakeNode()
    assert node.connections == 0
    node.drop_idle_connections()  # harmless before the start
    with node:
        port = node.port
        node.accept_connections()  # harmless when it listens already
        node.refuse_connections()
        node.refuse_connections()
        with pytest.raises(ConnectionRefusedError):
            post(node, COUNT)
        node.accept_connections()
        assert node.port == port
        assert post(node, COUNT)[0] == 200


# Against the recorded node ------------------------------------------------------------


def test_recorded_errors_and_single_replies() -> None:
    """Replays what the fake can know from the recorded node's own answers."""
    recording = SHARED / "02-encoding-batch-http.txt"
    if not recording.is_file():
        pytest.skip(f"no recording at {recording} (set EMERCOIN_TRANSCRIPTS)")
    ledger = FakeLedger(height=48)
    lines = recording.read_text(encoding="utf-8").splitlines()
    pairs = [
        (ast.literal_eval(asked[8:]), int(told[9:12]), ast.literal_eval(told[13:]))
        for asked, told in itertools.pairwise(lines)
        if asked.startswith(">>> RAW b") and told[13:15] in {"b'", 'b"'}
    ]
    shows = [pair for pair in pairs if b'"expires_at"' in pair[2] and b'"hex"' in pair[0]]
    for _asked, _status, told in shows:
        shown = read_json(told)["result"]
        ledger.add(
            shown["name"],
            bytes.fromhex(shown["value"].decode()),
            txid=shown["txid"].decode(),
            address=shown["address"].decode(),
            vout=int(shown["vout"]),
            expires_at=int(shown["expires_at"]),
            time=int(shown["time"]),
        )
    replayed = 0
    known = {read_json(told)["result"]["name"] for _, _, told in shows}
    for asked, status, told in pairs:
        try:
            request = read_json(asked)
        except ValueError:
            request = {"method": b"broken"}
        if status == 401 or (isinstance(request, list) and b"enum:" in asked):
            continue
        if isinstance(request, dict) and request["method"] == b"name_new":
            continue
        if isinstance(request, dict) and request["method"] == b"name_show":
            name = request["params"][0]
            if name not in known and b'"error":null' in told:
                continue
        assert FakeRpc(ledger).answer(asked) == (status, told)
        replayed += 1
    assert replayed >= 15
