"""Wait until a block has an operation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nvs.errors import NvsUnavailable, RpcAuthError
from nvs.registration.errors import NotConfirmed
from nvs.registration.operation import Operation
from nvs.registration.registrar import NameState, Registrar

TIMEOUT = 1800.0
"""Seconds; a block comes every ten minutes on average, now and then after an hour."""

INTERVAL = 5.0

Progress = Callable[[float, str], None]
"""Called after each look with the seconds waited and what hinders, empty for nothing."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A name after the block that changed it.

    Attributes:
        address: the owner's, empty after a deletion.
        expires_at: height, 0 after a deletion.
    """

    txid: str
    address: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how often to look.

    Attributes:
        timeout, interval: seconds.
        clock, sleep: to be replaced in tests.
    """

    timeout: float = TIMEOUT
    interval: float = INTERVAL
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


async def wait_confirmed(
    registrar: Registrar,
    operation: Operation,
    txid: str,
    before: NameState,
    *,
    pace: Pace | None = None,
    on_progress: Progress = lambda _waited, _hindrance: None,
) -> Confirmed:
    """Look at the name until its last operation is `txid`.

    A node that does not answer for a while is asked again.

    Args:
        before: the state at which the operation was sent.

    Raises:
        NotConfirmed: time is up, or somebody else's operation came first.
        RpcAuthError: the node refuses us.
    """
    pace = pace or Pace()
    started = pace.clock()
    while True:
        hindrance = ""
        try:
            state = await registrar.state(operation.name)
        except RpcAuthError:
            raise
        except NvsUnavailable as error:
            hindrance, state = str(error), before
        if state.txid == txid and state.info is not None:
            return Confirmed(txid, state.address, state.info.expires_at)
        if state.live and state.txid not in ("", before.txid):
            raise NotConfirmed(txid, f"another operation came first: {state.txid}")
        waited = pace.clock() - started
        on_progress(waited, hindrance)
        if waited >= pace.timeout:
            raise NotConfirmed(
                txid,
                f"no block has it after {pace.timeout:.0f} s; it stays under way,"
                f" see name_show {operation.name}" + (f" ({hindrance})" if hindrance else ""),
            )
        await pace.sleep(min(pace.interval, pace.timeout - waited))
