"""What an error of PostgreSQL means for the function that met it."""

from __future__ import annotations

from enum import Enum, auto

import asyncpg
from sqlalchemy.exc import DBAPIError


class Phase(Enum):
    """How far a try came."""

    CONNECT = auto()
    WORK = auto()
    COMMIT = auto()


class Verdict(Enum):
    """Whose fault it is.

    AGAIN: nobody's; nothing is stored, and another try may succeed. TAKEN: so is
    this, but if it stays it is the function's own. TROUBLE: the server's.
    """

    OWN_FAULT = auto()
    AGAIN = auto()
    TAKEN = auto()
    TROUBLE = auto()


_CONFLICT = ("40001", "40P01")
"""Serialisation failure, deadlock. Codes and classes of codes:

<https://www.postgresql.org/docs/current/errcodes-appendix.html>
"""
_TAKEN = ("23505",)
"""Unique violation. Who inserted the row has committed it, so the next try finds it."""
_ENDED = ("08", "57P")
"""The connection is over: lost or shut down."""
_TROUBLE = ("25006", "53", "55", "57", "58", "F0", "XX")
"""The server can do it not now: read-only, out of resources, locked, interrupted, broken."""


def judge(error: Exception, phase: Phase) -> Verdict:
    """What to do about an error of a try that came as far as `phase`."""
    if phase is Phase.CONNECT:
        return Verdict.TROUBLE
    driver = _driver_error(error)
    if driver is None:
        return Verdict.OWN_FAULT
    code = getattr(driver, "sqlstate", None) or ""
    if code in _CONFLICT or isinstance(driver, asyncpg.InvalidCachedStatementError):
        return Verdict.AGAIN
    if code in _TAKEN:
        return Verdict.TAKEN
    if _stood_still(driver):
        return Verdict.AGAIN
    if code.startswith(_ENDED) or _is_ended(error, driver):
        # Nobody knows what became of a commit whose answer is lost.
        return Verdict.TROUBLE if phase is Phase.COMMIT else Verdict.AGAIN
    if code.startswith(_TROUBLE) or isinstance(driver, (OSError, asyncpg.InternalClientError)):
        return Verdict.TROUBLE
    return Verdict.OWN_FAULT


def _driver_error(error: Exception) -> BaseException | None:
    """The driver's own exception; None = it comes from elsewhere."""
    if isinstance(error, DBAPIError):
        return getattr(error.orig, "__cause__", None) or error.orig
    raw = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
    return error if isinstance(error, raw) else None


def _stood_still(driver: BaseException) -> bool:
    """Whether the server ended the connection for want of a next statement.

    No commit can have reached it, so nothing is stored.
    """
    idle = asyncpg.IdleInTransactionSessionTimeoutError
    return isinstance(driver, idle) or isinstance(driver.__cause__, idle)


def _is_ended(error: Exception, driver: BaseException) -> bool:
    if isinstance(driver, TimeoutError):
        return False
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(driver, (ConnectionError, EOFError))
