"""What the registration commands show: a preview, refusals, progress."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from enum_backend.cli.lint import finding_json, finding_lines
from nvs.lint import Finding, Severity
from nvs.registration import Kind, NameState, Preview

_VERBS = {Kind.NEW: "register", Kind.UPDATE: "update", Kind.DELETE: "delete"}
_LINE = 100


def preview_text(shown: Preview, state: NameState, notes: Sequence[str]) -> str:
    """Everything somebody should know before saying yes."""
    operation = shown.operation
    lines = [f"{_VERBS[operation.kind]} {operation.name}"]
    if operation.kind is Kind.DELETE:
        lines.append("  after    nobody owns the name, and anybody may register it")
    else:
        octets = len(operation.value)
        first, *more = (_visible(line) for line in _text(operation.value).split("\n"))
        lines += [f"  value    {first}", *(f"           {line}" for line in more)]
        lines.append(f"  size     name {len(operation.name)} octets, value {octets} octets")
        days = f"{operation.days} days = {operation.blocks} blocks"
        lines.append(f"  rental   {days}{_until(shown.ends_about(state.expires_in))}")
        lines.append(f"  owner    {operation.address or 'a fresh address of the wallet'}")
        lines += [f"  DNS      {item}" for item in shown.naptrs] or ["  DNS      no answer"]
        lines.append(f"           for {shown.ttl} s, wherever the entry is trusted")
    lines += [f"  {line}" for line in finding_lines(shown.findings)]
    lines += [f"  note     {note}" for note in notes]
    return "\n".join(lines)


def preview_json(shown: Preview, state: NameState, notes: Sequence[str]) -> dict[str, Any]:
    """The same for `--json`."""
    operation = shown.operation
    ends = shown.ends_about(state.expires_in)
    return {
        "operation": operation.kind.value,
        "name": operation.name,
        "value": _text(operation.value),
        "octets": len(operation.value),
        "days": operation.days,
        "blocks": operation.blocks,
        "ends_about": None if ends is None else ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "to_address": operation.address,
        "naptr": list(shown.naptrs),
        "ttl": shown.ttl,
        "findings": [finding_json(item) for item in shown.findings],
        "notes": list(notes),
    }


def warn(findings: Sequence[Finding], notes: Sequence[str]) -> None:
    """What goes to standard error where standard output is for commands only."""
    serious = [item for item in findings if item.severity is not Severity.INFO]
    for line in [*finding_lines(serious), *(f"note: {note}" for note in notes)]:
        click.echo(line, err=True)


class ProgressLine:
    """One line on standard error, rewritten on a terminal, repeated each minute elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._minute = -1
        self._open = False

    def __call__(self, waited: float, hindrance: str) -> None:
        """`waited` seconds so far; `hindrance` is why the last look failed, or empty."""
        line = f"waiting for a block, {waited:.0f} s" + (f": {hindrance}" if hindrance else "")
        if self._terminal:
            click.echo("\r" + line[:_LINE].ljust(_LINE), nl=False, err=True)
            self._open = True
        elif self._minute != (minute := int(waited // 60)):
            self._minute = minute
            click.echo(line, err=True)

    def close(self) -> None:
        """End the line."""
        if self._open:
            click.echo(err=True)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _visible(line: str) -> str:
    """Without anything a terminal would act upon."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)


def _until(end: datetime | None) -> str:
    return (
        ", without an end that calendars know" if end is None else f", until about {end:%Y-%m-%d}"
    )
