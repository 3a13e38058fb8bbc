"""Rules about whole values, and about all entries of a number together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from nvs.formats.draft import Candidate
from nvs.lint.model import (
    ASTERISK,
    EMERDNS,
    FREESWITCH,
    KAMAILIO,
    Examined,
    Hit,
    Rule,
    Severity,
)
from nvs.names import digits_of_nvs_name, enumer_index


def _unpublished(group: Sequence[Examined]) -> Iterator[Hit]:
    for entry in group:
        for problem in entry.draft.problems:
            yield entry.name, problem.field, problem.message


_ONE_LINE = re.compile(rb"^sig[^\r\n]*[ \t]e2u\+", re.IGNORECASE | re.MULTILINE)


def _one_line_signature(group: Sequence[Examined]) -> Iterator[Hit]:
    for entry in group:
        if entry.parsed.format == "enumer" and _ONE_LINE.search(entry.value):
            yield entry.name, "$", "SIG and E2U stand on one line, EmerDNS then answers nothing"


def _invisible_value(group: Sequence[Examined]) -> Iterator[Hit]:
    for entry in group:
        if entry.parsed.format not in ("enumer", "unknown"):
            yield entry.name, "$", "EmerDNS reads ENUMER lines only, this value means nothing to it"


def _invisible_name(group: Sequence[Examined]) -> Iterator[Hit]:
    for entry in group:
        if entry.digits is not None and enumer_index(entry.name) is None:
            yield entry.name, "name", f"EmerDNS reads enum:{entry.digits}:0, :1 ... only"


def _no_ttl(group: Sequence[Examined]) -> Iterator[Hit]:
    for entry in group:
        if entry.draft.ttl is None and entry.parsed.format != "unknown":
            yield entry.name, "$", f"states no TTL, so {entry.parsed.ttl} seconds apply"


def _unsigned(group: Sequence[Examined]) -> Iterator[Hit]:
    for entry in group:
        if entry.parsed.format == "enumer" and not entry.parsed.signatures:
            yield entry.name, "$", "has no SIG; EmerDNS zones that want one answer nothing"


# Rules about all entries of a number


def _places(group: Sequence[Examined]) -> Iterator[tuple[str, Candidate]]:
    for entry in group:
        for candidate in entry.draft.candidates:
            if candidate.order is not None:
                yield entry.name, candidate


def _same_place(group: Sequence[Examined]) -> Iterator[Hit]:
    first: dict[tuple[int | None, int | None], str] = {}
    for name, candidate in _places(group):
        if candidate.preference is None:
            continue
        place = (candidate.order, candidate.preference)
        where = f"{name} {candidate.field}"
        if place in first:
            yield (
                name,
                candidate.field,
                f"order {place[0]} and preference {place[1]} stand in {first[place]} too;"
                " FreeSWITCH joins equal pairs",
            )
        first.setdefault(place, where)


def _mixed_orders(group: Sequence[Examined]) -> Iterator[Hit]:
    first: int | None = None
    for name, candidate in _places(group):
        if first is None:
            first = candidate.order
        elif candidate.order != first:
            yield (
                name,
                candidate.field,
                f"order: {candidate.order} beside {first}; clients may stop after the lowest,"
                " rank with preference instead",
            )


def gaps(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names behind a missing index, with the sentence that says so; EmerDNS never reads them."""
    indexes: dict[str, set[int]] = {}
    for name in names:
        digits, index = digits_of_nvs_name(name), enumer_index(name)
        if digits is not None and index is not None:
            indexes.setdefault(digits, set()).add(index)
    for digits, present in sorted(indexes.items()):
        missing = next(index for index in range(len(present) + 1) if index not in present)
        for index in sorted(present):
            if index > missing:
                yield (
                    f"enum:{digits}:{index}",
                    f"is never read: enum:{digits}:{missing} before it is missing",
                )


RECORD_RULES: tuple[Rule, ...] = (
    Rule("unpublished", Severity.ERROR, (), _unpublished),
    Rule("one-line-sig", Severity.ERROR, (EMERDNS,), _one_line_signature),
    Rule("same-place", Severity.WARNING, (FREESWITCH,), _same_place),
    Rule("mixed-orders", Severity.WARNING, (KAMAILIO, ASTERISK, FREESWITCH), _mixed_orders),
    Rule("invisible-value", Severity.INFO, (EMERDNS,), _invisible_value),
    Rule("invisible-name", Severity.INFO, (EMERDNS,), _invisible_name),
    Rule("no-ttl", Severity.INFO, (), _no_ttl),
    Rule("unsigned", Severity.INFO, (EMERDNS,), _unsigned),
)
