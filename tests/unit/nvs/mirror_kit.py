"""A mirror's surroundings without sockets and without luck: used by every mirror test."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import lmdb
from bitcoinrpc.authproxy import JSONRPCException

from nvs.mirror import Mirror, Stored
from nvs.mirror.layout import DATABASES
from nvs.mirror.tables import Tables
from nvs.number_record import Entry
from nvs.rpc import RpcClient
from nvs.rpc_batch import BatchJob
from nvs.rpc_endpoint import RpcEndpoint
from nvs.rpc_link import Job, JsonAnswer
from nvs.testing import FakeChain, FakeRpc

ALSO = ("ver:", "srl:", "enum:tollfree")

INDEXES = ("names", "numbers", "expiry", "owners", "sms", "todo", "shards", "retry")
"""What a mirror in step and a fresh one must have alike, octet by octet."""


class Crash(BaseException):
    """The process ends here; nothing catches it."""


class Fuse:
    """Fails at the n-th of the steps that are told to it, then never again."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.failure: Callable[[], BaseException] = Crash

    def light(self, steps: int, failure: Callable[[], BaseException] = Crash) -> None:
        self.left, self.failure = steps, failure

    def step(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise self.failure()


class _DirectLink:
    """Carries a batch to the fake RPC in place of a socket."""

    sock = None

    def __init__(self, rpc: FakeRpc) -> None:
        self._rpc = rpc

    def request(self, _method: str, _path: str, body: str, _headers: object) -> None:
        self._answer = self._rpc.answer(body.encode())[1]

    def getresponse(self) -> JsonAnswer:
        return JsonAnswer(200, "OK", self._answer)


class DirectClient(RpcClient):
    """A client whose calls reach the fake chain at once, in this thread."""

    def __init__(self, chain: FakeChain, fuse: Fuse | None = None) -> None:
        super().__init__(RpcEndpoint("fake.example", user="u", password="p"))
        self.rpc = FakeRpc(chain)
        self.fuse = fuse or Fuse()
        self.requests = 0

    async def _run(self, job: Job, deadline: float) -> Any:
        self.fuse.step()
        self.requests += 1
        try:
            if isinstance(job, BatchJob):
                answer: Any = job.ask(_DirectLink(self.rpc), "/")
            else:
                answer = self._single(job)
        except JSONRPCException as exc:
            raise self._translated(exc) from None
        self.fuse.step()  # the answer is lost
        return answer

    def _single(self, job: Job) -> Any:
        request = {"method": job.method, "params": job.params, "id": 1}
        reply = json.loads(self.rpc.answer(json.dumps(request).encode())[1])
        if reply["error"] is not None:
            raise JSONRPCException(reply["error"])
        return reply["result"]


class _FusedTransaction:
    def __init__(self, real: lmdb.Transaction, fuse: Fuse) -> None:
        self._real = real
        self._fuse = fuse

    def __enter__(self) -> _FusedTransaction:
        self._real.__enter__()
        return self

    def __exit__(self, kind: Any, exc: Any, traceback: Any) -> None:
        if kind is None:
            try:
                self._fuse.step()  # before the commit
            except BaseException:
                self._real.abort()
                raise
        self._real.__exit__(kind, exc, traceback)
        if kind is None:
            self._fuse.step()  # after it

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in {"put", "delete", "drop"}:
            return real

        def fused(*args: Any, **named: Any) -> Any:
            self._fuse.step()
            return real(*args, **named)

        return fused


class FusedEnvironment:
    """An `lmdb.Environment` whose write transactions burn a fuse at every step."""

    def __init__(self, real: lmdb.Environment, fuse: Fuse) -> None:
        self._real = real
        self._fuse = fuse

    def begin(self, **named: Any) -> Any:
        if not named.get("write"):
            return self._real.begin(**named)
        self._fuse.step()
        return _FusedTransaction(self._real.begin(**named), self._fuse)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def fuse_disk(mirror: Mirror, fuse: Fuse) -> None:
    """Let an open mirror's writes burn a fuse."""
    store = mirror._store
    assert store._env is not None
    store._env = FusedEnvironment(store._env, fuse)  # type: ignore[assignment]


@contextlib.contextmanager
def tables(mirror: Mirror) -> Iterator[Tables]:
    """What is on disk."""
    with mirror._store.read() as found:
        yield found


def dump(mirror: Mirror, databases: tuple[str, ...] = INDEXES) -> dict[str, list[Any]]:
    """Databases, pair by pair."""
    assert set(databases) <= set(DATABASES)
    with tables(mirror) as found:
        return {db: list(found.cursor(db)) for db in databases}


async def fresh_dump(
    chain: FakeChain, path: Path, signers: Collection[str] = ()
) -> dict[str, list[Any]]:
    """The databases of a mirror that has just been made of the same chain."""
    async with Mirror(path, DirectClient(chain), also=ALSO, signers=signers) as mirror:
        await mirror.sync()
        return dump(mirror)


def chain_entries(chain: FakeChain) -> list[Entry]:
    """What consensus counts, from the chain itself, whatever the names look like."""
    return [
        Entry(
            name.decode("latin-1"),
            shown.value,
            shown.address,
            shown.expires_at - chain.height,
        )
        for name, shown in chain.live().items()
    ]


def plain(entry: Entry | None) -> tuple[Any, ...] | None:
    """An entry without what the chain does not show."""
    if entry is None:
        return None
    return (entry.name, entry.value, entry.address, entry.expires_in)


def kept(mirror: Mirror) -> dict[str, Stored]:
    """Every name of a mirror."""
    from nvs.mirror.keys import name_of

    with tables(mirror) as found:
        return {name_of(key): Stored.unpack(value) for key, value in found.cursor("names")}
