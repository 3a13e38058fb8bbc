"""How the changes of the program's stores are recorded in the transactions that make them.

A store takes a `note` and calls it inside its transaction with what it has made, so
that the change and its entry are both there, or neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")

Note: TypeAlias = Callable[[Connection, T], None]


def no_note(_connection: Connection, _made: object) -> None:
    """Nothing is recorded."""
