"""What an examination finds, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Verdict(StrEnum):
    """READY: it works; DEGRADED: some of it does not, or not for real; NOT READY: do not use it."""

    READY = "READY"
    DEGRADED = "DEGRADED"
    NOT_READY = "NOT READY"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what was looked at, `gateway telnyx: credentials`.
        fix: what to do; never empty for warnings and problems.
    """

    check: str
    level: Level
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found, in the order it was looked at."""

    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst finding decides."""
        levels = {finding.level for finding in self.findings}
        if Level.PROBLEM in levels:
            return Verdict.NOT_READY
        return Verdict.DEGRADED if Level.WARNING in levels else Verdict.READY

    def json(self) -> dict[str, Any]:
        """The report as every program reads it."""
        return {
            "verdict": self.verdict,
            "success": self.verdict is Verdict.READY,
            "findings": [
                {
                    "check": finding.check,
                    "level": finding.level,
                    "message": finding.message,
                    "fix": finding.fix or None,
                }
                for finding in self.findings
            ],
        }

    def text(self) -> str:
        """The report as people read it."""
        return "\n".join([*_lines(self.findings), "", f"Verdict: {self.verdict}"])


_MARKS = {Level.OK: "ok", Level.NOTE: "--", Level.WARNING: "!!", Level.PROBLEM: "XX"}


def _lines(findings: Iterable[Finding]) -> Iterable[str]:
    for finding in findings:
        yield f"{_MARKS[finding.level]}  {finding.check}: {finding.message}"
        if finding.fix:
            yield f"      fix: {finding.fix}"


def ok(check: str, message: str) -> Finding:
    """It is as it should be."""
    return Finding(check, Level.OK, message)


def note(check: str, message: str, fix: str = "") -> Finding:
    """Worth knowing; nothing to do."""
    return Finding(check, Level.NOTE, message, fix)


def warning(check: str, message: str, fix: str) -> Finding:
    """Some of it does not work, or not for real."""
    return Finding(check, Level.WARNING, message, fix)


def problem(check: str, message: str, fix: str) -> Finding:
    """It cannot work like this."""
    return Finding(check, Level.PROBLEM, message, fix)
