"""One change of a name, as the node takes it, checked against the node's own limits.

Limits and order of parameters: Emercoin Core 0.8.6, script/script.h and namecoin.cpp.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from nvs.formats import MAX_VALUE_OCTETS
from nvs.registration.errors import InvalidRegistration

MAX_CHAIN_NAME_OCTETS = 512
MAX_DAYS = 366_000_000
BLOCKS_PER_DAY = 175
"""The node counts a rental day as this many blocks, which is nearer to 29 than to 24 hours."""

_NAME = re.compile(r"[!-~]+", re.ASCII)
_ADDRESS = re.compile(r"[0-9A-Za-z]{14,90}", re.ASCII)

Parameter = str | int


class Kind(StrEnum):
    """The three calls; the value is the RPC's name."""

    NEW = "name_new"
    UPDATE = "name_update"
    DELETE = "name_delete"


@dataclass(frozen=True, slots=True)
class Operation:
    """What will be written.

    Attributes:
        name: NVS name, printable ASCII, 1 to 512 octets.
        value: 1 to 20480 octets; empty for a deletion.
        days: rental, 1 to 366,000,000; 0 is allowed for an update, which adds to the rest.
        address: Emercoin address that will own the name. Empty means a fresh one
            of the wallet, also for an update.

    Raises:
        InvalidRegistration: one of them is out of bounds; `field` names it.
    """

    kind: Kind
    name: str
    value: bytes = b""
    days: int = 0
    address: str = ""

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise InvalidRegistration("name", "is not printable ASCII without blanks")
        if len(self.name) > MAX_CHAIN_NAME_OCTETS:
            raise InvalidRegistration(
                "name", f"has {len(self.name)} octets, at most {MAX_CHAIN_NAME_OCTETS} fit"
            )
        if self.address and _ADDRESS.fullmatch(self.address) is None:
            raise InvalidRegistration("address", "is no Emercoin address")
        if self.kind is Kind.DELETE:
            if self.value or self.days or self.address:
                raise InvalidRegistration("value", "a deletion has no value, days or address")
            return
        if not 1 <= len(self.value) <= MAX_VALUE_OCTETS:
            raise InvalidRegistration(
                "value", f"has {len(self.value)} octets, expected 1 to {MAX_VALUE_OCTETS}"
            )
        least = 1 if self.kind is Kind.NEW else 0
        if not least <= self.days <= MAX_DAYS:
            raise InvalidRegistration("days", f"{self.days} is not {least} to {MAX_DAYS}")

    @property
    def blocks(self) -> int:
        """The rental in blocks."""
        return self.days * BLOCKS_PER_DAY

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The RPC's positional parameters.

        The value goes in hex: the node cuts non-ASCII text short, and would read
        any other word in the place of "hex" as the path of a file.
        """
        if self.kind is Kind.DELETE:
            return (self.name,)
        return (self.name, self.value.hex(), self.days, self.address, "hex")
