"""Rules about octets: of names and values on the chain, and of what EmerDNS has to send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nvs.formats import MAX_VALUE_OCTETS
from nvs.formats.draft import Candidate
from nvs.lint.bind_syntax import bind_refuses
from nvs.lint.model import (
    DIG,
    EMERDNS,
    EntryRule,
    Examined,
    Hit,
    Rule,
    ServiceRule,
    Severity,
)
from nvs.names import MAX_NAME_OCTETS, enumer_index

MAX_CHAIN_NAME_OCTETS = 512
"""Longer names are refused by the node (script/script.h)."""

NEAR = 0.9
"""Share of a limit from which on a warning is due."""

UDP_OCTETS = 512
"""EmerDNS sends no more, whatever EDNS says, and refuses TCP."""

_HEADER = 12
_OPT = 11
_APEX = len(b"\4e164\4arpa\0")
_QUESTION_END = 4
_RECORD = 12  # a pointer to the name, type, class, TTL, length
_RDATA = 2 + 2 + 2 + 1 + 1 + 1  # order, preference, "u", two length octets, the root


class NameSize(EntryRule):
    """A name the node refuses, or that nobody looks at."""

    id = "name-size"
    severity = Severity.ERROR
    field = "name"
    place = "name"
    reason = f"over {MAX_NAME_OCTETS} it is never looked up, over {MAX_CHAIN_NAME_OCTETS} refused"

    def judge(self, entry: Examined) -> str | None:
        size = len(entry.name.encode("utf-8", "surrogatepass"))
        return f"has {size} octets" if size > MAX_NAME_OCTETS else None


class ValueSize(EntryRule):
    """A value that has little room left (over the limit it is not read at all)."""

    id = "value-size"
    severity = Severity.WARNING
    field = "value"
    reason = f"the node takes at most {MAX_VALUE_OCTETS}"

    def judge(self, entry: Examined) -> str | None:
        size = len(entry.value)
        return f"has {size} octets" if size > NEAR * MAX_VALUE_OCTETS else None


class PacketSize(Rule):
    """More services than fit into what EmerDNS sends."""

    id = "packet-size"
    severity = Severity.WARNING
    field = "value"
    clients = (EMERDNS, DIG)
    reason = f"EmerDNS cuts its answer off at {UDP_OCTETS}, dig then rejects all of it"

    def check(self, group: Sequence[Examined]) -> Iterator[Hit]:
        seen = [e for e in group if e.draft.format == "enumer" and enumer_index(e.name) is not None]
        size = _HEADER + _OPT + 2 * len(seen[0].digits or "") + _APEX + _QUESTION_END if seen else 0
        for entry in seen:
            for candidate in entry.draft.candidates:
                texts = len(candidate.service or "") + len(candidate.regexp or "")
                size += _RECORD + _RDATA + texts
                if size > UDP_OCTETS:
                    yield entry.name, candidate.field, f"the answer has {size} octets from here on"
                    return


class DigRejects(ServiceRule):
    """One bad regexp, and BIND's tools show none of the number's records."""

    id = "dig-rejects"
    severity = Severity.ERROR
    field = "regexp"
    clients = (EMERDNS, DIG)
    reason = "EmerDNS sends it as it is, and dig rejects the whole packet"

    def judge(self, candidate: Candidate, entry: Examined) -> str | None:
        if entry.draft.format != "enumer":
            return None
        return bind_refuses(candidate.regexp or "")


SIZE_RULES: tuple[Rule, ...] = (NameSize(), ValueSize(), PacketSize(), DigRejects())
