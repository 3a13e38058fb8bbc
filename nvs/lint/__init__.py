"""What ENUM clients would trip over in a number's entries, by NVS name and field.

The parser already repairs or drops what cannot be published by *us*. The same
names are also read by EmerDNS, and its answers, verbatim, by Kamailio, Asterisk,
FreeSWITCH and dig; the rules here are about what *they* make of the value as it
stands, and about what should not be on a public chain at all. A rule is a small
class with an id that never changes; `RULES` has one of each.

    for finding in lint_value("enum:14155551234:0", "E2U+sip=100|10|#^.*$#sip:a@b#"):
        print(finding.severity, finding.name, finding.field, finding.message)
"""

from __future__ import annotations

from collections.abc import Iterable

from nvs.formats import examine_entry
from nvs.lint.model import Examined, Finding, Rule, Severity
from nvs.lint.privacy_rules import PRIVACY_RULES
from nvs.lint.record_rules import RECORD_RULES, gaps
from nvs.lint.service_rules import SERVICE_RULES
from nvs.lint.size_rules import SIZE_RULES
from nvs.names import digits_of_nvs_name
from nvs.number_record import AssessedEntry, Entry, NumberRecord

__all__ = [
    "RULES",
    "Finding",
    "Rule",
    "Severity",
    "lint_entries",
    "lint_record",
    "lint_value",
    "unsigned_names",
]

RULES: tuple[Rule, ...] = (*RECORD_RULES, *SIZE_RULES, *SERVICE_RULES, *PRIVACY_RULES)


def lint_value(name: str, value: str | bytes) -> tuple[Finding, ...]:
    """Findings for one value under the name it is meant for.

    Whether the indexes before an ENUMER name's exist is not asked here, so `:2` is
    no gap; `lint_entries` sees the other names too.
    """
    octets = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    findings = lint_entries([Entry(name, octets)])
    return tuple(finding for finding in findings if finding.rule != "gap")


def lint_record(record: NumberRecord, later_names: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Findings for a record's entries, also for what their trust says.

    Args:
        later_names: names of the number known to exist, though the reading stopped before them.
    """
    findings = lint_entries((entry.entry for entry in record.entries), later_names)
    return findings + unsigned_names(record.entries)


def unsigned_names(entries: Iterable[AssessedEntry]) -> tuple[Finding, ...]:
    """Names that somebody else gave to a listed owner, with a value of their own."""
    return tuple(
        Finding("unsigned", Severity.WARNING, item.entry.name, "owner", item.trust.reason)
        for item in entries
        if item.trust.unsigned
    )


def lint_entries(entries: Iterable[Entry], later_names: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Findings for any entries, grouped by number; names alone are enough to find gaps."""
    groups: dict[str, list[Examined]] = {}
    for entry in entries:
        parsed, draft = examine_entry(entry.name, entry.value)
        digits = digits_of_nvs_name(entry.name)
        examined = Examined(entry.name, digits, entry.value, parsed, draft)
        groups.setdefault(digits or entry.name, []).append(examined)
    findings = [
        finding for group in groups.values() for rule in RULES for finding in rule.findings(group)
    ]
    names = {entry.name for group in groups.values() for entry in group} | set(later_names)
    findings.extend(gaps(names))
    explained = {(finding.name, finding.field) for finding in findings}
    findings.extend(
        Finding("adjusted", Severity.INFO, entry.name, note.field, note.message)
        for group in groups.values()
        for entry in group
        for note in entry.draft.notes
        if (entry.name, note.field) not in explained
    )
    return tuple(findings)
