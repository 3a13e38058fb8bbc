"""Rules about whole values and names, and about all entries of a number together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from nvs.formats.draft import Candidate
from nvs.lint.model import (
    ASTERISK,
    EMERDNS,
    FREESWITCH,
    KAMAILIO,
    EntryRule,
    Examined,
    Finding,
    Hit,
    Rule,
    Severity,
)
from nvs.names import ENUM_PREFIX, digits_of_nvs_name, enumer_index

_ONE_LINE = re.compile(rb"^sig[^\r\n]*[ \t]e2u\+", re.IGNORECASE | re.MULTILINE)


class Unpublished(Rule):
    """What our own reading drops; the reader says why."""

    id = "unpublished"
    severity = Severity.ERROR
    field = "value"
    reason = "we do not use it"

    def check(self, group: Sequence[Examined]) -> Iterator[Hit]:
        for entry in group:
            for problem in entry.draft.problems:
                yield entry.name, problem.field, problem.message

    def sentence(self, what: str) -> str:
        """The reader's own, which names the field and what was expected."""
        return what


class OneLineSignature(EntryRule):
    """`SIG=... E2U+...` as an old wiki page shows it."""

    id = "one-line-sig"
    severity = Severity.ERROR
    field = "SIG"
    reason = "EmerDNS then answers nothing"
    clients = (EMERDNS,)

    def judge(self, entry: Examined) -> str | None:
        if entry.parsed.format == "enumer" and _ONE_LINE.search(entry.value):
            return "SIG and E2U stand on one line"
        return None


class NonCanonicalName(EntryRule):
    """An `enum:` name in a spelling nobody asks for."""

    id = "non-canonical-name"
    severity = Severity.ERROR
    field = "name"
    place = "name"
    reason = "expected enum:14155551234:0 or enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"

    def judge(self, entry: Examined) -> str | None:
        if entry.digits is None and entry.name.startswith(ENUM_PREFIX):
            return "is never looked up as it is spelt"
        return None


class InvisibleValue(EntryRule):
    """JSON, a bare regexp."""

    id = "invisible-value"
    severity = Severity.INFO
    field = "value"
    reason = "EmerDNS reads ENUMER lines only, it means nothing there"
    clients = (EMERDNS,)

    def judge(self, entry: Examined) -> str | None:
        if entry.parsed.format in ("enumer", "unknown"):
            return None
        return f"is of the format {entry.parsed.format}"


class InvisibleName(EntryRule):
    """The e164.arpa spelling."""

    id = "invisible-name"
    severity = Severity.INFO
    field = "name"
    place = "name"
    reason = "EmerDNS reads enum:<number>:0, :1 ... only"
    clients = (EMERDNS,)

    def judge(self, entry: Examined) -> str | None:
        if entry.digits is None or enumer_index(entry.name) is not None:
            return None
        return "is in the e164.arpa spelling"


class NoTtl(EntryRule):
    """The format's default applies."""

    id = "no-ttl"
    severity = Severity.INFO
    field = "TTL"
    reason = "the format's default applies"

    def judge(self, entry: Examined) -> str | None:
        if entry.draft.ttl is not None or entry.parsed.format == "unknown":
            return None
        return f"is not stated, so answers are kept for {entry.parsed.ttl} seconds"


class Unsigned(EntryRule):
    """No SIG in a value that EmerDNS reads."""

    id = "unsigned"
    severity = Severity.INFO
    field = "SIG"
    reason = "EmerDNS answers nothing from it in zones that want one (emcdnsallowed=$...)"
    clients = (EMERDNS,)

    def judge(self, entry: Examined) -> str | None:
        if entry.parsed.format == "enumer" and not entry.parsed.signatures:
            return "is missing"
        return None


def _places(group: Sequence[Examined]) -> Iterator[tuple[str, Candidate]]:
    for entry in group:
        for candidate in entry.draft.candidates:
            if candidate.order is not None:
                yield entry.name, candidate


class SamePlace(Rule):
    """Two services with equal order and preference."""

    id = "same-place"
    severity = Severity.WARNING
    field = "preference"
    reason = "FreeSWITCH joins equal pairs"
    clients = (FREESWITCH,)

    def check(self, group: Sequence[Examined]) -> Iterator[Hit]:
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
                    f"order {place[0]} and preference {place[1]} stand in {first[place]} too",
                )
            first.setdefault(place, where)


class MixedOrders(Rule):
    """Several ORDERs for one number."""

    id = "mixed-orders"
    severity = Severity.WARNING
    field = "order"
    reason = "clients may stop after the lowest, rank with preference instead"
    clients = (KAMAILIO, ASTERISK, FREESWITCH)

    def check(self, group: Sequence[Examined]) -> Iterator[Hit]:
        first: int | None = None
        for name, candidate in _places(group):
            if first is None:
                first = candidate.order
            elif candidate.order != first:
                yield name, candidate.field, f"{candidate.order} beside {first}"


def gaps(names: Iterable[str]) -> Iterator[Finding]:
    """Names behind a missing index; EmerDNS never reads them, and neither do we."""
    indexes: dict[str, set[int]] = {}
    for name in names:
        digits, index = digits_of_nvs_name(name), enumer_index(name)
        if digits is not None and index is not None:
            indexes.setdefault(digits, set()).add(index)
    for digits, present in sorted(indexes.items()):
        missing = next(index for index in range(len(present) + 1) if index not in present)
        for index in sorted(present):
            if index > missing:
                message = f"is never read: enum:{digits}:{missing} before it is missing"
                name = f"enum:{digits}:{index}"
                yield Finding("gap", Severity.ERROR, name, "name", message, (EMERDNS,))


RECORD_RULES: tuple[Rule, ...] = (
    Unpublished(),
    OneLineSignature(),
    NonCanonicalName(),
    SamePlace(),
    MixedOrders(),
    InvisibleValue(),
    InvisibleName(),
    NoTtl(),
    Unsigned(),
)
