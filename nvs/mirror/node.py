"""What a mirror asks of the node, in batches that any name survives.

All calls go as JSON-RPC batches, even single ones, because only there the node
writes names and scripts of any octets as readable JSON. `name_show` batches
hold at most 30 names: replies between 16 and 64 KiB take 44 ms longer
(measured with Emercoin 0.8.6: libevent writes in pieces of 16 KiB).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from nvs.consent import Consent, Question, consents
from nvs.errors import NvsUnavailable, RpcError, UnusableAnswer
from nvs.mirror.script import NameOp, operations
from nvs.mirror.shards import Shard, escaped
from nvs.name_info import NameInfo, whole_number
from nvs.node_calls import METHOD_NOT_FOUND, is_missing
from nvs.rpc import RpcClient

T = TypeVar("T")

BATCH = 30
"""Names in one `name_show` batch, or transactions in one of `getrawtransaction`."""

CONNECTIONS = 4
"""Batches at the same time; the node has four RPC threads by default."""

LIST_LIMIT = 150_000
"""Names that one `name_filter` may list, so that an answer stays near 25 MB."""

SKIPPED_LIMIT = 10_000
"""Names that are nobody's are counted up to here."""

SLOW_TIMEOUT = 120.0
"""Seconds for a wait at calls that read the node's whole name index, or a large block."""

_SHORT_VALUE = 1  # octets of a value that a listing shows; they are not used
_NO_SUCH_BLOCK = -5
_NO_SUCH_HEIGHT = -8
_GONE = {_NO_SUCH_BLOCK, _NO_SUCH_HEIGHT}


class TooMany(Exception):
    """More names than the limit; the shard has to be split."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A name as `name_filter` lists it, its octets as latin-1 characters."""

    name: str
    registered_at: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block as far as names go; `previous` None for block 0."""

    hash: str
    height: int
    previous: str | None
    ops: tuple[NameOp, ...]


class Node:
    """Typed calls on one client.

    Attributes:
        signers: addresses whose names' transactions are looked at.
    """

    def __init__(self, client: RpcClient, signers: Collection[str] = ()) -> None:
        self.signers = frozenset(signers)
        self._client = client
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self.best_hash = client.best_hash
        self.best_block = client.best_block
        self.unavailable = client.unavailable

    async def names(self, names: Iterable[str]) -> dict[str, NameInfo | UnusableAnswer | None]:
        """What the node shows for each name: None for missing ones.

        A name that the node cannot tell about holds the error in its place.

        Raises:
            NvsUnavailable: no answer, warming up, or no Emercoin node.
        """
        wanted = list(names)
        parts = [wanted[i : i + BATCH] for i in range(0, len(wanted), BATCH)]
        found: dict[str, NameInfo | UnusableAnswer | None] = {}
        for shown in await self._together(self._shown(part) for part in parts):
            found.update(shown)
        return found

    async def _shown(self, names: Sequence[str]) -> dict[str, NameInfo | UnusableAnswer | None]:
        answers = await self._client.call_each([("name_show", name, "hex") for name in names])
        pairs = zip(names, answers, strict=True)
        return {name: self._info(name, answer) for name, answer in pairs}

    def _info(self, name: str, answer: Any) -> NameInfo | UnusableAnswer | None:
        if not isinstance(answer, RpcError):
            try:
                return NameInfo.from_json(name, answer)
            except UnusableAnswer as exc:
                return exc
        if is_missing(answer):
            return None
        if answer.code == METHOD_NOT_FOUND:
            raise self.unavailable("knows no name_show, so it is no Emercoin node")
        return UnusableAnswer(f"name_show {name!r}: {answer}")

    async def consents(self, questions: Iterable[Question]) -> dict[Question, Consent]:
        """Who signed, of names of `signers`.

        Raises:
            NvsUnavailable: no answer.
        """
        return await consents(self._transactions, questions)

    async def _transactions(self, txids: Sequence[str]) -> Mapping[str, Any | RpcError]:
        parts = [txids[i : i + BATCH] for i in range(0, len(txids), BATCH)]
        answers = await self._together(self._told(part) for part in parts)
        return dict(zip(txids, chain.from_iterable(answers), strict=True))

    async def _told(self, txids: Sequence[str]) -> list[Any | RpcError]:
        calls = [("getrawtransaction", txid, 1) for txid in txids]
        try:
            return await self._client.call_each(calls, wait=SLOW_TIMEOUT)
        except NvsUnavailable:
            if len(calls) == 1:
                raise
        # Anybody may make one as large as a block, and several are too long for one answer.
        each = [await self._client.call_each([call], wait=SLOW_TIMEOUT) for call in calls]
        return [answer for (answer,) in each]

    async def listed(self, shard: Shard, limit: int = LIST_LIMIT) -> list[Listed]:
        """The names of a shard, expired ones included, deleted ones not.

        Raises:
            TooMany: more than `limit`.
            NvsUnavailable: no answer.
        """
        rows = await self._filter(shard.pattern(), 0 if shard.exact else limit + 1)
        if len(rows) > limit and not shard.exact:
            raise TooMany
        return rows

    async def registrations(self, names: Iterable[str]) -> dict[str, int]:
        """Height of the last name_new of each name that the node lists.

        The node reads its whole index for it (67 ms for 100,000 names), so this
        is only for names whose registration cannot be told from their blocks.
        """
        wanted = list(names)
        found: dict[str, int] = {}
        for i in range(0, len(wanted), BATCH):
            either = "|".join(escaped(name) for name in wanted[i : i + BATCH])
            for row in await self._filter(f"^(?:{either})$", 0):
                found[row.name] = row.registered_at
        return found

    async def _filter(self, pattern: str, most: int) -> list[Listed]:
        call = ("name_filter", pattern, 0, 0, most, "", "", _SHORT_VALUE)
        answer = await self._client.call_rows(call, _listed, wait=SLOW_TIMEOUT)
        if isinstance(answer, RpcError):
            raise self.unavailable(f"name_filter: {answer}")
        if not isinstance(answer, list) or not all(answer):
            raise UnusableAnswer("name_filter: not a list of names")
        return [row for row in answer if row is not None]

    async def hashes(self, heights: Iterable[int]) -> list[str | None]:
        """Hash of the active block at each height, None above the tip.

        Raises:
            NvsUnavailable: no answer.
        """
        calls = [("getblockhash", height) for height in heights]
        answers = await self._client.call_each(calls)
        return [self._hash(answer) for answer in answers]

    def _hash(self, answer: Any) -> str | None:
        if isinstance(answer, RpcError):
            if answer.code in _GONE:
                return None
            raise self.unavailable(f"getblockhash: {answer}")
        return _hash_text(answer, "getblockhash")

    async def block(self, block: str) -> Block | None:
        """A block by its hash, abandoned ones too; None if the node does not have it.

        Raises:
            NvsUnavailable: no answer.
        """
        answers = await self._client.call_each([("getblock", block, 2)], wait=SLOW_TIMEOUT)
        answer = answers[0]
        if isinstance(answer, RpcError):
            if answer.code in _GONE:
                return None
            raise self.unavailable(f"getblock: {answer}")
        if not isinstance(answer, dict):
            raise UnusableAnswer("getblock: not an object")
        previous = answer.get("previousblockhash")
        return Block(
            hash=block,
            height=whole_number(answer.get("height"), "getblock: height"),
            previous=None if previous is None else _hash_text(previous, "getblock"),
            ops=tuple(operations(answer.get("tx"))),
        )

    async def blocks(self, hashes: Iterable[str]) -> list[Block | None]:
        """Several blocks, a few at the same time."""
        return await self._together(self.block(block) for block in hashes)

    async def _together(self, calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """All results in order; the first failure ends the others and is raised."""

        async def in_turn(call: Coroutine[Any, Any, T]) -> T:
            async with self._slots:
                return await call

        waiting = list(calls)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(in_turn(call)) for call in waiting]
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            for call in waiting:
                call.close()  # those whose turn never came
        return [task.result() for task in tasks]

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()


def _listed(row: Any) -> Listed | None:
    """A row of `name_filter`, None for anything else."""
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        return None
    registered_at = row.get("registered_at")
    return Listed(row["name"], registered_at) if type(registered_at) is int else None


def _hash_text(value: Any, method: str) -> str:
    if isinstance(value, str) and len(value) == 64:
        try:
            return bytes.fromhex(value).hex()
        except ValueError:
            pass
    raise UnusableAnswer(f"{method}: not a block hash")
