"""What the node answers to a request body: octets in, HTTP status and octets out.

Compared octet by octet with Emercoin Core 0.8.6 (regtest). Not observed, and
taken from Bitcoin Core 0.19: the warm-up text, requests that are neither object
nor array, named parameters of wrong names.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from nvs.testing.fake_ledger import FakeName
from nvs.testing.node_json import read_json, write_json
from nvs.testing.rpc_method import CallError, Ledger, Method, encoded, octets


class Failure(StrEnum):
    """What a fake node can be told to do instead of answering."""

    WORK_QUEUE = "work-queue"
    """HTTP 500 with the plain text "Work queue depth exceeded"."""
    WARMING_UP = "warming-up"
    """Code -28 to every call, as while the block index loads."""
    DOWNLOADING_BLOCKS = "downloading-blocks"
    """Code -10 to `name_show`, as before the chain is complete."""
    UNREADABLE = "unreadable"
    """Code -4 with a text that means disk trouble, not a missing name."""
    HANG = "hang"
    """Take the request, never answer."""
    SLOW = "slow"
    """Answer after `delay` seconds."""
    GARBAGE = "garbage"
    """HTTP 200 with `body` as it is, said to be JSON."""
    DISCONNECT = "disconnect"
    """Close the connection instead of answering."""
    FORBIDDEN = "forbidden"
    """HTTP 403, as for an address outside `rpcallowip`."""


NAME_SHOW_HELP = (
    "name_show <name> [valuetype] [filepath]\nShow values of a name.\n\nArguments:\n"
    "1. name      (string, required).\n"
    '2. valuetype (string, optional) If "hex" or "base64" is specified then it will print value '
    "in corresponding format instead of string.\n"
    "3. filepath  (string, optional) save name value in binary format in specified file "
    "(file will be overwritten!).\n"
)

_STATUS_OF_CODE = {-32600: 400, -32601: 404}


class FakeRpc:
    """The node's RPC without HTTP around it.

    Attributes:
        failure: `WARMING_UP`, `DOWNLOADING_BLOCKS` or `UNREADABLE` change the
            answers; None for a healthy node.
    """

    def __init__(self, ledger: Ledger) -> None:
        """`ledger`: a `FakeLedger` or a `FakeChain`."""
        self.ledger = ledger
        self.failure: Failure | None = None
        self._methods: dict[str, Method] = {
            "name_show": Method(
                self._name_show,
                ("name", "valuetype", "filepath"),
                1,
                NAME_SHOW_HELP,
                while_downloading=False,
            ),
            "getblockcount": Method(lambda _: self.ledger.height),
            "getbestblockhash": Method(lambda _: self.ledger.best_hash()),
            **ledger.methods(),
        }

    def answer(self, body: bytes, failure: Failure | None = None) -> tuple[int, bytes]:
        """HTTP status and body for one request body, a single call or a batch.

        Args:
            failure: for this request only, instead of the attribute of that name.
        """
        failure = failure or self.failure
        try:
            request = read_json(body)
        except ValueError:
            return 500, self._reply(None, {"code": -32700, "message": "Parse error"}, None)
        if isinstance(request, list):
            replies = [self._one(member, failure)[1] for member in request]
            return 200, write_json(replies, batch=True) + b"\n"
        if not isinstance(request, dict):
            error = {"code": -32700, "message": "Top-level object parse error"}
            return 500, self._reply(None, error, None)
        status, reply = self._one(request, failure)
        return status, write_json(reply) + b"\n"

    @staticmethod
    def _reply(result: Any, error: dict[str, Any] | None, request_id: Any) -> bytes:
        return write_json({"result": result, "error": error, "id": request_id}) + b"\n"

    def _one(self, request: Any, failure: Failure | None) -> tuple[int, dict[str, Any]]:
        request_id = request.get("id") if isinstance(request, dict) else None
        try:
            result = self._call(request, failure)
        except CallError as exc:
            error = {"code": exc.code, "message": exc.message}
            status = _STATUS_OF_CODE.get(exc.code, 500)
            return status, {"result": None, "error": error, "id": request_id}
        return 200, {"result": result, "error": None, "id": request_id}

    def _call(self, request: Any, failure: Failure | None) -> Any:
        if not isinstance(request, dict):
            raise CallError(-32600, "Invalid Request object")
        name, params = request.get("method"), request.get("params")
        if name is None:
            raise CallError(-32600, "Missing method")
        if not isinstance(name, bytes):
            raise CallError(-32600, "Method must be a string")
        if params is not None and not isinstance(params, list | dict):
            raise CallError(-32600, "Params must be an array or object")
        if failure is Failure.WARMING_UP:
            raise CallError(-28, "Loading block index...")
        method = self._methods.get(name.decode("latin-1"))
        if method is None:
            raise CallError(-32601, "Method not found")
        given = method.positional(params)
        downloading = failure is Failure.DOWNLOADING_BLOCKS or self.ledger.downloading
        if downloading and not method.while_downloading:
            raise CallError(-10, "Emercoin is downloading blocks...")
        self.ledger.calling(name.decode("latin-1"))
        if method.waits:
            return method.call(given)
        with self.ledger.lock:
            result = method.call(given)
        if failure is Failure.UNREADABLE and name == b"name_show":
            raise CallError(-4, "failed to read from from disk")  # the node's own spelling
        return result

    def _name_show(self, params: list[Any]) -> dict[str, Any]:
        name, valuetype, _ = (octets(params, index) for index in range(3))
        found = self.ledger.find(name)
        if found is None:
            raise CallError(-4, "failed to read from name DB")
        if found.orphaned:
            raise CallError(-4, "no result returned")
        return _shown(found, valuetype, self.ledger.height)


def _shown(found: FakeName, valuetype: bytes, height: int) -> dict[str, Any]:
    expires_in = found.expires_at - height
    shown: dict[str, Any] = {
        "name": found.name,
        "value": encoded(found.value, valuetype),
        "txid": found.txid,
        "address": found.address,
        "vout": found.vout,
        "expires_in": expires_in,
        "expires_at": found.expires_at,
        "time": found.time,
    }
    if found.deleted:
        shown["deleted"] = True
    elif expires_in <= 0:
        shown["expired"] = True
    return shown
