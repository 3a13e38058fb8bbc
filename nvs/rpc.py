"""Emercoin's JSON-RPC for asyncio: a pool of python-bitcoinrpc proxies in threads.

python-bitcoinrpc blocks, is not thread-safe, never reconnects and logs whole
values. It is imported here and nowhere else; this module gives each worker
thread a proxy of its own over a `Link`, and turns every failure into one of:

* `RpcError` - the node answered with an error,
* `RpcAuthError` - it refused us,
* `NvsUnavailable` - anything that leaves us without an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from types import TracebackType
from typing import Any, Self, TypeVar

from bitcoinrpc.authproxy import AuthServiceProxy, JSONRPCException

from nvs.errors import NvsUnavailable, RpcAuthError, RpcError
from nvs.name_info import NameInfo
from nvs.node_calls import NodeCalls
from nvs.rpc_batch import BatchJob, Call, RowsJob
from nvs.rpc_endpoint import RpcEndpoint
from nvs.rpc_link import Job, Link, LinkStopped, NodeBusy, NotAuthorized, UnreadableAnswer

__all__ = ["NameInfo", "RpcClient"]

T = TypeVar("T")

logging.getLogger("BitcoinRPC").disabled = True  # it would print whole values and requests

READ_ONLY = frozenset(
    {
        *("getbestblockhash", "getblock", "getblockchaininfo", "getblockcount", "getblockhash"),
        *("getblockheader", "getnetworkinfo", "getrawtransaction", "decoderawtransaction"),
        *("gettxout", "help", "uptime", "validateaddress", "verifymessage"),
        *("name_filter", "name_history", "name_indexinfo", "name_list", "name_mempool"),
        *("name_scan", "name_scan_address", "name_show"),
        *("waitforblock", "waitforblockheight", "waitfornewblock"),
    }
)
"""Calls that may be sent twice when the node dropped the connection under the first."""

WARMING_UP = -28
DOWNLOADING = -10
_LIBRARY_CODES = frozenset({-342, -343})  # python-bitcoinrpc's own, not the node's

_LIBRARY_STUMBLES = (
    ArithmeticError,  # Decimal("1e400") in its log line
    AttributeError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the library runs into when the answer is no JSON-RPC reply."""

_BUSY_WAITS = (0.05, 0.1, 0.2, 0.4)
_MAX_WORDS = 200


class RpcClient(NodeCalls):
    """Calls one node; safe to share between tasks, closed with `close`.

    A call waits for a free worker, then for the node, all within one deadline.
    """

    def __init__(
        self,
        endpoint: RpcEndpoint,
        *,
        timeout: float = 5.0,
        deadline: float | None = None,
        pool_size: int = 4,
        busy_waits: Sequence[float] = _BUSY_WAITS,
    ) -> None:
        """Nothing is connected yet.

        Args:
            timeout: seconds for a connect, and for each wait for octets.
            deadline: seconds a whole call may take, retries included
                (default: twice the time-out).
            pool_size: connections, which is calls at the same time. The node
                has four RPC threads by default.
            busy_waits: seconds to wait before each retry at a full work queue.
        """
        self._endpoint = endpoint
        self._timeout = timeout
        self._deadline = 2 * timeout if deadline is None else deadline
        self._pool_size = pool_size
        self._busy_waits = tuple(busy_waits)
        self._executor = ThreadPoolExecutor(pool_size, thread_name_prefix="nvs-rpc")
        self._idle: deque[Link] = deque()
        self._jobs: set[Job] = set()
        self._closed = False

    @classmethod
    def from_url(
        cls,
        url: str,
        cookie_file: str = "",
        timeout: float = 5.0,
        *,
        deadline: float | None = None,
        pool_size: int = 4,
    ) -> Self:
        """A client from settings: `http://user:pass@127.0.0.1:6662`, or a cookie file.

        Raises:
            ValueError: see `RpcEndpoint.parse`.
        """
        endpoint = RpcEndpoint.parse(url, cookie_file)
        return cls(endpoint, timeout=timeout, deadline=deadline, pool_size=pool_size)

    def __repr__(self) -> str:
        return f"<RpcClient {self.address}>"

    @property
    def address(self) -> str:
        """`127.0.0.1:6662`, for messages."""
        return self._endpoint.address

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _exc: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End waiting calls (they raise `NvsUnavailable`), threads and connections."""
        self._closed = True
        for job in tuple(self._jobs):
            job.stop()
        await asyncio.to_thread(self._executor.shutdown)
        self._drop_idle()

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one RPC; numbers with a point arrive as `Decimal`.

        Raises:
            ValueError: a parameter holds non-ASCII text, which this node would
                truncate (send such values as hex or base64), or NaN.
            TypeError: a parameter is not JSON.
            RpcError: the node answered with an error.
            RpcAuthError: it refused us.
            NvsUnavailable: no answer, or none that can be read.
        """
        text = json.dumps([method, params], ensure_ascii=False, allow_nan=False, default=_decimal)
        if not text.isascii():
            raise ValueError(f"{method}: parameters must be ASCII, send other values as hex")
        return await self._run(Job(method, params), self._deadline)

    async def call_each(
        self, calls: Sequence[Call], *, wait: float | None = None
    ) -> list[Any | RpcError]:
        """Several calls in one request: for each its result, or the node's error in its place.

        Not atomic: blocks may arrive in between. Text in the results has one
        character for each octet on the chain (latin-1).

        Args:
            wait: seconds for each wait for octets, instead of the client's time-out;
                the whole call may take twice as long.

        Raises:
            ValueError, TypeError: a parameter is NaN, or not JSON.
            RpcAuthError, NvsUnavailable: as `call`, also when only one element
                says that the node is warming up or still downloading.
        """
        if wait is None:
            job, deadline = BatchJob(calls, self._timeout), self._deadline
        else:
            job, deadline = BatchJob(calls, wait), 2 * wait
        try:
            answers = await self._run(job, deadline)
        except RpcError as exc:
            raise self.unavailable(str(exc)) from exc
        return [self._element(answer) for answer in answers]

    async def call_rows(
        self, call: Call, row: Callable[[Any], T], *, wait: float
    ) -> list[T] | RpcError:
        """One call whose result is a long list, row by row: little more memory than the text.

        Args:
            row: makes of each row what is wanted; runs in another thread.
            wait: as `call_each`.

        Raises:
            ValueError, TypeError, RpcAuthError, NvsUnavailable: as `call_each`.
        """
        job = RowsJob(call, row, wait)
        answer: list[T] | RpcError = self._element((await self._run(job, 2 * wait))[0])
        return answer

    def _element(self, answer: Any) -> Any | RpcError:
        if not isinstance(answer, JSONRPCException):
            return answer
        error = self._translated(answer)
        if isinstance(error, NvsUnavailable):
            raise error
        return error

    async def _run(self, job: Job, deadline: float) -> Any:
        if self._closed:
            raise NvsUnavailable(f"{self.address}: the RPC client is closed")
        self._jobs.add(job)
        future = self._executor.submit(self._perform, job)
        try:
            async with asyncio.timeout(deadline):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise self.unavailable(f"no answer within {deadline:g} s") from None
        finally:
            self._jobs.discard(job)
            job.stop()

    # In worker threads ----------------------------------------------------------------

    def _perform(self, job: Job) -> Any:
        """Carry a job through retries: new connection, new cookie, full work queue."""
        busy_waits = iter(self._busy_waits)
        may_reconnect = all(method in READ_ONLY for method in job.methods)
        may_read_cookie_again = self._endpoint.cookie_file is not None
        while True:
            if job.stopped.is_set():
                raise self.unavailable("the call was given up")
            link = self._take(reuse=may_reconnect)
            was_used = link.used
            keep = False
            try:
                job.attach(link)
                result = self._ask(link, job)
            except JSONRPCException as exc:
                keep = True
                raise self._translated(exc) from None
            except NodeBusy:
                keep = True
                wait = next(busy_waits, None)
                if wait is None:
                    raise self.unavailable("Work queue depth exceeded") from None
                job.stopped.wait(wait)
            except NotAuthorized as exc:
                if exc.status == http.client.FORBIDDEN:
                    raise RpcAuthError(
                        f"{self.address}: the node does not allow our address (HTTP 403)"
                    ) from None
                if not may_read_cookie_again:
                    raise RpcAuthError(
                        f"{self.address}: the node refused user and password (HTTP 401)"
                    ) from None
                may_read_cookie_again = False
                self._drop_idle()
            except LinkStopped:
                raise self.unavailable("the call was given up") from None
            except TimeoutError:
                limit = job.timeout or self._timeout
                raise self.unavailable(f"no answer within {limit:g} s") from None
            except (ConnectionError, http.client.HTTPException) as exc:
                if not (was_used and may_reconnect) or job.stopped.is_set():
                    raise self.unavailable(_reason(exc)) from None
                may_reconnect = False  # once, and on a new connection
                self._drop_idle()  # the others are as old
            except OSError as exc:
                raise self.unavailable(_reason(exc)) from None
            except UnreadableAnswer as exc:
                raise self.unavailable(str(exc)) from None
            except _LIBRARY_STUMBLES:
                raise self.unavailable("the answer is no JSON-RPC reply") from None
            else:
                keep = True
                return result
            finally:
                job.attach(None)
                self._put_back(link, keep=keep and not job.stopped.is_set())

    def _ask(self, link: Link, job: Job) -> Any:
        if isinstance(job, BatchJob):
            return job.ask(link, self._endpoint.path)
        # The URL holds no secret: `link` adds the credentials.
        url = f"http://-:-@{self.address}{self._endpoint.path}"
        return AuthServiceProxy(url, job.method, self._timeout, link)(*job.params)

    def _take(self, *, reuse: bool) -> Link:
        """A link; a new one for calls that must never be sent twice."""
        if reuse:
            with contextlib.suppress(IndexError):
                return self._idle.pop()
        return Link(self._endpoint, self._timeout)

    def _put_back(self, link: Link, *, keep: bool) -> None:
        if (
            keep
            and link.sock is not None
            and not self._closed
            and len(self._idle) < self._pool_size
        ):
            self._idle.append(link)
        else:
            link.close()

    def _drop_idle(self) -> None:
        with contextlib.suppress(IndexError):  # other threads take links too
            while True:
                self._idle.pop().close()

    def _translated(self, exc: JSONRPCException) -> RpcError | NvsUnavailable:
        code, message = exc.code, exc.message
        if not isinstance(code, int) or isinstance(code, bool) or code in _LIBRARY_CODES:
            return self.unavailable("the answer is no JSON-RPC reply")
        words = _printable(message) if isinstance(message, str) else "no message"
        if code in {WARMING_UP, DOWNLOADING}:
            return self.unavailable(words)
        return RpcError(code, words)


def _decimal(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"a parameter of type {type(value).__name__} is not JSON")


def _printable(text: str) -> str:
    line = text.strip().partition("\n")[0][:_MAX_WORDS]
    return "".join(c if c.isprintable() else "?" for c in line)


def _reason(exc: Exception) -> str:
    """`Connection refused`; never the octets that an HTTP error quotes."""
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return f"the connection failed ({type(exc).__name__})"
