"""What a finding and a rule are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nvs.formats.draft import Draft
from nvs.number_record import ParsedEntry

EMERDNS = "EmerDNS"
KAMAILIO = "Kamailio"
ASTERISK = "Asterisk"
FREESWITCH = "FreeSWITCH"
EVERYONE = (EMERDNS, KAMAILIO, ASTERISK, FREESWITCH)


class Severity(StrEnum):
    """`error`: something is lost; `warning`: a client stumbles; `info`: good to know."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a client, or we, would trip over.

    Attributes:
        rule: stable id such as `compound-service`.
        name: NVS name.
        field: `line 2`, a JSON path, or `name`.
        clients: whom it hurts; empty where only our own reading is concerned.
    """

    rule: str
    severity: Severity
    name: str
    field: str
    message: str
    clients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """One entry, what we read of it, and the pieces as the value states them."""

    name: str
    digits: str | None
    value: bytes
    parsed: ParsedEntry
    draft: Draft


Hit = tuple[str, str, str]
"""NVS name, field, message."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A check over all entries of one number, and how much its hits matter."""

    id: str
    severity: Severity
    clients: tuple[str, ...]
    check: Callable[[Sequence[Examined]], Iterator[Hit]]
