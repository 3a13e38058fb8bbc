"""What an RPC of the fake node is made of: its parameters, its code, its errors."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from nvs.testing.fake_ledger import FakeName
from nvs.testing.node_json import Number


class CallError(Exception):
    """An error reply: `{"code": .., "message": ..}`; the message may hold any octets."""

    def __init__(self, code: int, message: str | bytes) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC.

    Attributes:
        call: positional parameters (strings are `bytes`) -> the result.
        names: the parameters' names, in order; more than these are refused.
        least: parameters that must be there.
        usage: text of the error -1 otherwise.
        while_downloading: answers also before the chain is complete.
        waits: takes the ledger's lock itself, because it waits.
    """

    call: Callable[[list[Any]], Any]
    names: tuple[str, ...] = ()
    least: int = 0
    usage: str = ""
    while_downloading: bool = True
    waits: bool = False

    def positional(self, params: Any) -> list[Any]:
        """Parameters in order; left-out ones in between are None.

        Raises:
            CallError: -8 for an unknown name, -1 for too few or too many.
        """
        if isinstance(params, dict):
            for name in params:
                if name not in self.names:
                    raise CallError(-8, f"Unknown named parameter {ascii(name)[1:-1]}")
            last = max((self.names.index(name) for name in params), default=-1)
            params = [params.get(name) for name in self.names[: last + 1]]
        given: list[Any] = params or []
        if not self.least <= len(given) <= len(self.names):
            raise CallError(-1, self.usage or "usage: " + ", ".join(self.names))
        return given


class Ledger(Protocol):
    """What the RPC side asks of a ledger or a chain."""

    @property
    def height(self) -> int:
        """Height of the best block."""

    @property
    def lock(self) -> Any:
        """A re-entrant lock, held while a call is answered."""

    @property
    def downloading(self) -> bool:
        """Whether name calls answer code -10, as before the chain is complete."""

    def best_hash(self) -> str:
        """Hash of the best block."""

    def find(self, name: bytes, /) -> FakeName | None:
        """A name as `name_show` sees it."""

    def methods(self) -> Mapping[str, Method]:
        """RPCs besides `name_show`, `getblockcount` and `getbestblockhash`."""

    def calling(self, method: str) -> None:
        """Told before each call is answered, without the lock."""


def octets(params: list[Any], index: int, default: bytes = b"") -> bytes:
    """A string parameter.

    Raises:
        CallError: -1, it is something else.
    """
    value = params[index] if index < len(params) else None
    if value is None:
        return default
    if not isinstance(value, bytes):
        raise CallError(-1, "JSON value is not a string as expected")
    return value


def whole(params: list[Any], index: int, default: int = 0) -> int:
    """An integer parameter.

    Raises:
        CallError: -1, it is something else.
    """
    value = params[index] if index < len(params) else None
    if value is None:
        return default
    if not isinstance(value, Number) or not value.removeprefix("-").isdigit():
        raise CallError(-1, "JSON value is not an integer as expected")
    return int(value)


def encoded(value: bytes, valuetype: bytes) -> bytes:
    """As it is, in hex or in Base64; any other `valuetype` is as it is."""
    if valuetype == b"hex":
        return value.hex().encode()
    if valuetype == b"base64":
        return base64.b64encode(value)
    return value
