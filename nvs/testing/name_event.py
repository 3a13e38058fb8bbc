"""One name operation that counted, and what the name is after it."""

from __future__ import annotations

from typing import NamedTuple

from nvs.testing.fake_ledger import BLOCKS_A_DAY
from nvs.testing.name_script import NameOp, Operation

_INT_MAX = 2**31 - 1


class Event(NamedTuple):
    """An operation that counted.

    Attributes:
        height: of its block.
        registered_at: height of the last name_new.
        paid_until: height up to which it is rented; deletion does not change it.
    """

    op: NameOp
    txid: str
    vout: int
    time: int
    height: int
    registered_at: int
    paid_until: int

    @property
    def deleted(self) -> bool:
        """Whether the name is gone."""
        return self.op.kind is Operation.DELETE

    @property
    def expires_at(self) -> int:
        """Last height at which the name counts; 0 when deleted."""
        return 0 if self.deleted else self.paid_until

    def active(self, height: int) -> bool:
        """Whether the name counts at a height."""
        return not self.deleted and height <= self.paid_until


def rented(height: int, days: int) -> int:
    """The height `days` later, as far as 32 bits go."""
    return min(height + BLOCKS_A_DAY * days, _INT_MAX)
