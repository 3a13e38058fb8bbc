"""What is asked of a node, independent of how the calls travel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from nvs.errors import NvsUnavailable, RpcError, UnusableAnswer
from nvs.name_info import NameInfo, whole_number

WALLET_ERROR = -4
METHOD_NOT_FOUND = -32601

_MISSING = frozenset({"failed to read from name DB", "no result returned"})
"""The two texts of code -4 that mean "no such name"; every other one is node trouble."""

_BLOCK_TRIES = 3


class NodeCalls(ABC):
    """Typed calls on top of one untyped `call`."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Host and port, for messages."""

    @abstractmethod
    async def call(self, method: str, *params: Any) -> Any:
        """The result of one RPC; see `RpcClient.call`."""

    def unavailable(self, why: str) -> NvsUnavailable:
        """The error to raise, naming the node."""
        return NvsUnavailable(f"Emercoin node {self.address}: {why}")

    async def name_show(self, name: str) -> NameInfo | None:
        """One name, expired and deleted ones included; None when it does not exist.

        Raises:
            ValueError: the name is not ASCII.
            UnusableAnswer: the node cannot read this name, or says something odd.
            NvsUnavailable: see `call`.
        """
        try:
            answer = await self.call("name_show", name, "hex")
        except RpcError as exc:
            if is_missing(exc):
                return None
            if exc.code == METHOD_NOT_FOUND:
                raise self.unavailable("knows no name_show, so it is no Emercoin node") from exc
            raise UnusableAnswer(f"name_show {name!r}: {exc}") from exc
        return NameInfo.from_json(name, answer)

    async def transactions(self, txids: Iterable[str]) -> dict[str, Any | RpcError]:
        """The result of `getrawtransaction(txid, 1)` for each, or the node's error in its place.

        Raises:
            NvsUnavailable: see `call`.
        """
        found: dict[str, Any | RpcError] = {}
        for txid in txids:
            try:
                found[txid] = await self.call("getrawtransaction", txid, 1)
            except RpcError as exc:
                found[txid] = exc
        return found

    async def height(self) -> int:
        """Height of the best block.

        Raises:
            NvsUnavailable: see `call`; an error answer counts as well.
        """
        try:
            return whole_number(await self.call("getblockcount"), "getblockcount")
        except RpcError as exc:
            raise self.unavailable(f"getblockcount: {exc}") from exc

    async def best_hash(self) -> str:
        """Hash of the best block, 64 hex digits.

        Raises:
            NvsUnavailable: see `call`; an error answer counts as well.
        """
        try:
            answer = await self.call("getbestblockhash")
        except RpcError as exc:
            raise self.unavailable(f"getbestblockhash: {exc}") from exc
        if not isinstance(answer, str):
            raise UnusableAnswer("getbestblockhash: not a string")
        return answer

    async def best_block(self) -> tuple[str, int]:
        """Hash and height of the same best block.

        The two calls are not atomic, so the hash is read again afterwards.

        Raises:
            NvsUnavailable: see `call`; or blocks arrive faster than they can be read.
        """
        before = await self.best_hash()
        for _ in range(_BLOCK_TRIES):
            height = await self.height()
            after = await self.best_hash()
            if after == before:
                return after, height
            before = after
        raise self.unavailable("the best block keeps changing")


def is_missing(error: RpcError) -> bool:
    """Whether `name_show` says with this error that there is no such name."""
    return error.code == WALLET_ERROR and error.message in _MISSING
