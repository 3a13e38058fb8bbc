"""`enum-backend lint NUMBER|FILE|NAME`: what ENUM clients would trip over, by name and field."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from enum_backend.cli.common import common_options, load, reports_errors, run, show
from enum_backend.errors import NotFound
from enum_backend.phone import lookup_digits
from enum_backend.settings import LoadedSettings
from enum_backend.setup.records import build_directory
from nvs.directory import TOLLFREE, Directory
from nvs.errors import RecordsFileError
from nvs.formats import parse_entry
from nvs.lint import Finding, Severity, lint_entries, lint_value, unsigned_names
from nvs.names import ENUM_PREFIX, digits_of_nvs_name, e164_nvs_name, enumer_nvs_name
from nvs.number_record import AssessedEntry
from nvs.records_json import parse_records


@click.command()
@click.argument("target", metavar="NUMBER|FILE|NAME")
@click.option("--value", help="Check this text for the name or number; - reads standard input.")
@common_options
@reports_errors
def lint(target: str, value: str | None, config_file: Path | None, as_json: bool) -> None:
    """Check a number's entries, one name's, every name of a records file, or a value.

    Exit code 1 when something is an error.
    """
    loaded = load(config_file)
    findings = _findings(loaded, target, value)
    failed = any(finding.severity is Severity.ERROR for finding in findings)
    document = {"success": not failed, "findings": [finding_json(item) for item in findings]}
    show(document, as_json, lambda: "\n".join(finding_lines(findings)) or "Nothing to report.")
    sys.exit(1 if failed else 0)


def finding_json(finding: Finding) -> dict[str, object]:
    """A finding as `--json` prints it."""
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "name": finding.name,
        "field": finding.field,
        "message": finding.message,
        "clients": list(finding.clients),
    }


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Findings as text, one a line."""
    lines = []
    for item in findings:
        whom = f"  [{', '.join(item.clients)}]" if item.clients else ""
        lines.append(f"{item.severity:<7} {item.name} {item.field}: {item.message}{whom}")
    return lines


def _findings(loaded: LoadedSettings, target: str, value: str | None) -> tuple[Finding, ...]:
    if value is not None:
        octets = sys.stdin.buffer.read() if value == "-" else _octets(value)
        return lint_value(_name_for(loaded, target, octets), octets)
    if target.startswith(ENUM_PREFIX):
        return run(_lint_name(loaded, target))
    path = Path(target)
    if not path.is_file() and ("/" in target or path.suffix == ".json"):
        raise RecordsFileError(f"{target}: there is no such file")
    return _lint_file(path) if path.is_file() else run(_lint_number(loaded, target))


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # as the shell handed it over


def _name_for(loaded: LoadedSettings, target: str, value: bytes) -> str:
    """The name a value is meant for: as given, or the number's in the value's own spelling."""
    if target.startswith(ENUM_PREFIX):
        return target
    digits = lookup_digits(target, loaded.settings.default_region)
    name = e164_nvs_name(digits)
    return enumer_nvs_name(digits, 0) if parse_entry(name, value).format == "enumer" else name


def _lint_file(path: Path) -> tuple[Finding, ...]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RecordsFileError(f"{path}: cannot be read ({error.strerror})") from None
    records = parse_records(text, str(path))
    if records.skipped_sentence:
        click.echo(f"note: {records.skipped_sentence}", err=True)
    return lint_entries(records.index)


async def _lint_name(loaded: LoadedSettings, name: str) -> tuple[Finding, ...]:
    """One name, beside the number's others: for gaps, and for places taken twice."""
    digits = digits_of_nvs_name(name)
    if digits is None:
        return lint_value(name, b"")
    directory = build_directory(loaded.settings)
    try:
        entry = await directory.source.entry(name)
        beside = await _entries(directory, digits)
    finally:
        await directory.source.close()
    if entry is None:
        raise NotFound(f"There is no record {name}.")
    others = [other.entry for other in beside if other.entry.name != name]
    findings = lint_entries([*others, entry]) + unsigned_names(beside)
    return tuple(item for item in findings if item.name == name)


async def _lint_number(loaded: LoadedSettings, number: str) -> tuple[Finding, ...]:
    digits = lookup_digits(number, loaded.settings.default_region)
    directory = build_directory(loaded.settings)
    try:
        entries = await _entries(directory, digits)
    finally:
        await directory.source.close()
    if not entries:
        raise NotFound(f"There is no record for +{digits}.")
    return lint_entries(item.entry for item in entries) + unsigned_names(entries)


async def _entries(directory: Directory, digits: str) -> tuple[AssessedEntry, ...]:
    """The number's own, not the toll-free rules that may answer in their place."""
    record = await directory.record(f"+{digits}")
    return () if record is None or record.source == TOLLFREE else record.entries
