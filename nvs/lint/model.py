"""What a finding and a rule are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from nvs.formats.draft import Candidate, Draft
from nvs.number_record import ParsedEntry

EMERDNS = "EmerDNS"
KAMAILIO = "Kamailio"
ASTERISK = "Asterisk"
FREESWITCH = "FreeSWITCH"
DIG = "dig"
CLIENTS = (EMERDNS, KAMAILIO, ASTERISK, FREESWITCH, DIG)
"""Whom a rule may speak of: the server that reads the same names, and who reads its answers."""

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
"""NVS name, place (`line 2`, a JSON path, `name`), and what stands there."""


class Rule(ABC):
    """One check over all entries of one number.

    A rule is a class with no state. Its hits say what was found; what follows
    from it is the same each time and stands in `reason`.

    Attributes:
        id: never changes, as people silence rules by it.
        severity: how much a hit matters.
        field: the part it looks at: `service`, `regexp`, `order`, `value`, `name` ...
        reason: what goes wrong, as the end of a sentence.
        clients: who breaks, of `CLIENTS`; empty where only our own reading is concerned.
    """

    id: ClassVar[str]
    severity: ClassVar[Severity]
    field: ClassVar[str]
    reason: ClassVar[str]
    clients: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def check(self, group: Sequence[Examined]) -> Iterator[Hit]:
        """The places where this rule is broken."""

    def findings(self, group: Sequence[Examined]) -> Iterator[Finding]:
        """The same as findings, with whole sentences."""
        for name, place, what in self.check(group):
            message = self.sentence(what)
            yield Finding(self.id, self.severity, name, place, message, self.clients)

    def sentence(self, what: str) -> str:
        """`regexp: the delimiter is '#'; the only one ...`."""
        return f"{self.field}: {what}; {self.reason}"


class EntryRule(Rule):
    """A rule about one whole value or name."""

    place: ClassVar[str] = "$"

    def check(self, group: Sequence[Examined]) -> Iterator[Hit]:
        """One hit for each entry that `judge` has something to say about."""
        for entry in group:
            if what := self.judge(entry):
                yield entry.name, self.place, what

    @abstractmethod
    def judge(self, entry: Examined) -> str | None:
        """What is wrong with the entry, None for nothing."""


class ServiceRule(Rule):
    """A rule about one service as the value states it, before anything is repaired."""

    def check(self, group: Sequence[Examined]) -> Iterator[Hit]:
        """One hit for each service that `judge` has something to say about."""
        for entry in group:
            for candidate in entry.draft.candidates:
                if what := self.judge(candidate, entry):
                    yield entry.name, candidate.field, what

    @abstractmethod
    def judge(self, candidate: Candidate, entry: Examined) -> str | None:
        """What is wrong with the service, None for nothing."""
