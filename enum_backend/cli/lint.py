"""`enum-backend lint N|FILE`: what ENUM clients would trip over, by name and field."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from enum_backend.app import build_directory
from enum_backend.cli.common import common_options, load, reports_errors, run, show
from enum_backend.errors import NotFound
from enum_backend.phone import lookup_digits
from enum_backend.settings import LoadedSettings
from nvs.errors import RecordsFileError
from nvs.lint import Finding, Severity, lint_entries
from nvs.records_json import parse_records


@click.command()
@click.argument("target", metavar="N|FILE")
@common_options
@reports_errors
def lint(target: str, config_file: Path | None, as_json: bool) -> None:
    """Check a number's entries, or every name of a records file.

    Exit code 1 when something is an error.
    """
    loaded = load(config_file)
    path = Path(target)
    findings = _lint_file(path) if path.is_file() else run(_lint_number(loaded, target))
    failed = any(finding.severity is Severity.ERROR for finding in findings)
    document = {"success": not failed, "findings": [_json(finding) for finding in findings]}
    show(document, as_json, lambda: _text(findings))
    sys.exit(1 if failed else 0)


def _lint_file(path: Path) -> tuple[Finding, ...]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RecordsFileError(f"{path}: cannot be read ({error.strerror})") from None
    records = parse_records(text, str(path))
    if records.skipped_sentence:
        click.echo(f"note: {records.skipped_sentence}", err=True)
    return lint_entries(records.index)


async def _lint_number(loaded: LoadedSettings, number: str) -> tuple[Finding, ...]:
    digits = lookup_digits(number, loaded.settings.default_region)
    directory = build_directory(loaded.settings)
    try:
        reading = await directory.source.read(digits)
    finally:
        await directory.source.close()
    if not reading.entries:
        raise NotFound(f"There is no record for +{digits}.")
    return lint_entries(reading.entries)


def _json(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "name": finding.name,
        "field": finding.field,
        "message": finding.message,
        "clients": list(finding.clients),
    }


def _text(findings: Sequence[Finding]) -> str:
    if not findings:
        return "Nothing to report."
    lines = []
    for item in findings:
        whom = f"  [{', '.join(item.clients)}]" if item.clients else ""
        lines.append(f"{item.severity:<7} {item.name} {item.field}: {item.message}{whom}")
    return "\n".join(lines)
