"""What ENUM clients would trip over in a number's entries, by NVS name and field.

The parser already repairs or drops what cannot be published by *us*. The same
names are also read by EmerDNS, and its answers, verbatim, by Kamailio, Asterisk
and FreeSWITCH; the rules here are about what *they* make of the value as it
stands. A rule is one function in `RULES`, with an id that never changes.

    for finding in lint_value("enum:14155551234:0", "E2U+sip=100|10|#^.*$#sip:a@b#"):
        print(finding.severity, finding.name, finding.field, finding.message)
"""

from __future__ import annotations

from collections.abc import Iterable

from nvs.formats import examine_entry
from nvs.lint.model import EMERDNS, Examined, Finding, Rule, Severity
from nvs.lint.record_rules import RECORD_RULES, gaps
from nvs.lint.service_rules import SERVICE_RULES
from nvs.names import digits_of_nvs_name
from nvs.number_record import Entry, NumberRecord

__all__ = [
    "RULES",
    "Finding",
    "Rule",
    "Severity",
    "lint_entries",
    "lint_record",
    "lint_value",
]

RULES: tuple[Rule, ...] = (*RECORD_RULES, *SERVICE_RULES)


def lint_value(name: str, value: str | bytes) -> tuple[Finding, ...]:
    """Findings for one value under the name it is meant for."""
    octets = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return lint_entries([Entry(name, octets)])


def lint_record(record: NumberRecord, later_names: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Findings for a record's entries.

    Args:
        later_names: names of the number known to exist, though the reading stopped before them.
    """
    return lint_entries((entry.entry for entry in record.entries), later_names)


def lint_entries(entries: Iterable[Entry], later_names: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Findings for any entries, grouped by number; names alone are enough to find gaps."""
    groups: dict[str, list[Examined]] = {}
    for entry in entries:
        parsed, draft = examine_entry(entry.name, entry.value)
        digits = digits_of_nvs_name(entry.name)
        examined = Examined(entry.name, digits, entry.value, parsed, draft)
        groups.setdefault(digits or entry.name, []).append(examined)
    findings = [
        Finding(rule.id, rule.severity, *hit, rule.clients)
        for group in groups.values()
        for rule in RULES
        for hit in rule.check(group)
    ]
    names = {entry.name for group in groups.values() for entry in group} | set(later_names)
    findings.extend(
        Finding("gap", Severity.ERROR, name, "name", message, (EMERDNS,))
        for name, message in gaps(names)
    )
    explained = {(finding.name, finding.field) for finding in findings}
    findings.extend(
        Finding("adjusted", Severity.INFO, entry.name, note.field, note.message)
        for group in groups.values()
        for entry in group
        for note in entry.draft.notes
        if (entry.name, note.field) not in explained
    )
    return tuple(findings)
