"""What `name_show` says about one name, checked field by field."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from nvs.errors import UnusableAnswer

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*", re.ASCII)
_MAX_INTEGER = 2**63


@dataclass(frozen=True, slots=True)
class NameInfo:
    """One name as the node's name index has it.

    Attributes:
        value: raw octets; empty for deleted names.
        address: owner's address, None where the output has none.
        expires_in: blocks until expiry, negative when past.
        expires_at: height of expiry, 0 for deleted names.
        txid: the transaction of the name's last operation, None if not said.
    """

    name: str
    value: bytes
    address: str | None
    expires_in: int
    expires_at: int
    deleted: bool = False
    txid: str | None = field(default=None, compare=False)

    @property
    def live(self) -> bool:
        """Whether consensus still counts the name.

        The RPC's own `expired` flag is one block early: a name lives while
        height <= expires_at (Emercoin 0.8.6, namecoin.cpp, NameActive).
        """
        return self.expires_in >= 0 and not self.deleted

    @classmethod
    def from_json(cls, name: str, answer: Any) -> NameInfo:
        """Read the result of `name_show(name, "hex")`.

        Raises:
            UnusableAnswer: a field lacks, is of another type, or names another
                name; the text names the field.
        """
        if not isinstance(answer, dict):
            raise UnusableAnswer(f"name_show {name!r}: result is not an object")
        if answer.get("name") != name:
            raise UnusableAnswer(f"name_show {name!r}: name: the answer is about another name")
        value = answer.get("value")
        if not isinstance(value, str) or _HEX.fullmatch(value) is None:
            raise UnusableAnswer(f"name_show {name!r}: value: not an even number of hex digits")
        address = answer.get("address")
        if address is not None and not isinstance(address, str):
            raise UnusableAnswer(f"name_show {name!r}: address: not a string")
        txid = answer.get("txid")
        if txid is not None and not isinstance(txid, str):
            raise UnusableAnswer(f"name_show {name!r}: txid: not a string")
        deleted = answer.get("deleted", False)
        if not isinstance(deleted, bool):
            raise UnusableAnswer(f"name_show {name!r}: deleted: not true or false")
        return cls(
            name=name,
            value=bytes.fromhex(value),
            address=address or None,
            expires_in=whole_number(answer.get("expires_in"), f"name_show {name!r}: expires_in"),
            expires_at=whole_number(answer.get("expires_at"), f"name_show {name!r}: expires_at"),
            deleted=deleted,
            txid=txid,
        )


def whole_number(value: Any, field: str) -> int:
    """An integer from JSON, which python-bitcoinrpc may hand over as a Decimal.

    Raises:
        UnusableAnswer: anything else, or beyond 63 bits (so that a hostile
            exponent is never expanded).
    """
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        if isinstance(value, Decimal) and not value.is_finite():
            raise UnusableAnswer(f"{field}: not a number")
        if -_MAX_INTEGER < value < _MAX_INTEGER and value == int(value):
            return int(value)
    raise UnusableAnswer(f"{field}: not a whole number")
