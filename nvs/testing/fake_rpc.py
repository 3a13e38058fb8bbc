"""What the node answers to a request body: octets in, HTTP status and octets out.

Compared octet by octet with Emercoin Core 0.8.6 (regtest). Not observed, and
taken from Bitcoin Core 0.19: the warm-up text, requests that are neither object
nor array, named parameters of wrong names.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from nvs.testing.fake_ledger import FakeLedger, FakeName
from nvs.testing.node_json import read_json, write_json


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


class _CallError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class FakeRpc:
    """The node's RPC without HTTP around it.

    Attributes:
        failure: `WARMING_UP`, `DOWNLOADING_BLOCKS` or `UNREADABLE` change the
            answers; None for a healthy node.
    """

    def __init__(self, ledger: FakeLedger) -> None:
        self.ledger = ledger
        self.failure: Failure | None = None
        self._methods: dict[bytes, Callable[[list[Any]], Any]] = {
            b"name_show": self._name_show,
            b"getblockcount": lambda _: self.ledger.height,
            b"getbestblockhash": lambda _: self.ledger.best_hash(),
        }

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """HTTP status and body for one request body, a single call or a batch."""
        try:
            request = read_json(body)
        except ValueError:
            return 500, self._reply(None, {"code": -32700, "message": "Parse error"}, None)
        if isinstance(request, list):
            replies = [self._one(member)[1] for member in request]
            return 200, write_json(replies, batch=True) + b"\n"
        if not isinstance(request, dict):
            error = {"code": -32700, "message": "Top-level object parse error"}
            return 500, self._reply(None, error, None)
        status, reply = self._one(request)
        return status, write_json(reply) + b"\n"

    @staticmethod
    def _reply(result: Any, error: dict[str, Any] | None, request_id: Any) -> bytes:
        return write_json({"result": result, "error": error, "id": request_id}) + b"\n"

    def _one(self, request: Any) -> tuple[int, dict[str, Any]]:
        request_id = request.get("id") if isinstance(request, dict) else None
        try:
            result = self._call(request)
        except _CallError as exc:
            error = {"code": exc.code, "message": exc.message}
            status = _STATUS_OF_CODE.get(exc.code, 500)
            return status, {"result": None, "error": error, "id": request_id}
        return 200, {"result": result, "error": None, "id": request_id}

    def _call(self, request: Any) -> Any:
        if not isinstance(request, dict):
            raise _CallError(-32600, "Invalid Request object")
        method, params = request.get("method"), request.get("params")
        if method is None:
            raise _CallError(-32600, "Missing method")
        if not isinstance(method, bytes):
            raise _CallError(-32600, "Method must be a string")
        if params is not None and not isinstance(params, list | dict):
            raise _CallError(-32600, "Params must be an array or object")
        if self.failure is Failure.WARMING_UP:
            raise _CallError(-28, "Loading block index...")
        if method not in self._methods:
            raise _CallError(-32601, "Method not found")
        if isinstance(params, dict):
            params = _positional(params)
        return self._methods[method](params or [])

    def _name_show(self, params: list[Any]) -> dict[str, Any]:
        if not 1 <= len(params) <= 3:
            raise _CallError(-1, NAME_SHOW_HELP)
        if self.failure is Failure.DOWNLOADING_BLOCKS:
            raise _CallError(-10, "Emercoin is downloading blocks...")
        if not all(isinstance(param, bytes) for param in params):
            raise _CallError(-1, "JSON value is not a string as expected")
        found = self.ledger.find(params[0])
        if found is None:
            raise _CallError(-4, "failed to read from name DB")
        if found.orphaned:
            raise _CallError(-4, "no result returned")
        if self.failure is Failure.UNREADABLE:
            raise _CallError(-4, "failed to read from from disk")  # the node's own spelling
        valuetype = params[1] if len(params) > 1 else b""
        return _shown(found, valuetype, self.ledger.height)


def _shown(found: FakeName, valuetype: bytes, height: int) -> dict[str, Any]:
    value = found.value
    if valuetype == b"hex":
        value = value.hex().encode()
    elif valuetype == b"base64":
        value = base64.b64encode(value)
    expires_in = found.expires_at - height
    shown: dict[str, Any] = {
        "name": found.name,
        "value": value,
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


def _positional(named: dict[str, Any]) -> list[Any]:
    """`{"name": ..., "valuetype": ...}` -> a list; a left-out one in between is empty."""
    names = ("name", "valuetype", "filepath")
    for name in named:
        if name not in names:
            raise _CallError(-8, f"Unknown named parameter {ascii(name)[1:-1]}")
    last = max((names.index(name) for name in named), default=-1)
    return [named.get(name, b"") for name in names[: last + 1]]
