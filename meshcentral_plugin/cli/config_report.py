"""What `mesh config` says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from meshcentral_plugin.config import Rendered


@dataclass(slots=True)
class Report:
    """The outcome of one run.

    Attributes:
        good: whether the exit code is 0.
        diff: what changes, masked; empty = nothing changes, None = not asked for.
        written: the file that was written.
        shown: print the configuration itself, secrets and all.
    """

    made: Rendered = field(repr=False)
    good: bool
    diff: str | None = None
    written: Path | None = None
    shown: bool = False

    def show(self, *, as_json: bool, on_stderr: bool) -> None:
        """Print findings and result."""
        if as_json:
            click.echo(json.dumps(self._json(), indent=2, ensure_ascii=False))
            return
        for finding in self.made.findings:
            click.echo(finding.text(), err=on_stderr)
        if self.diff is not None:
            click.echo(self.diff or "nothing changes", nl=not self.diff)
        if self.written:
            click.echo(f"written: {self.written}", err=True)
        if self.shown:
            click.echo(self.made.text, nl=False)

    def _json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "success": self.good,
            "findings": [finding.json() for finding in self.made.findings],
        }
        if not self.good:
            document |= {"error": self._sentence(), "error_code": "VALIDATION_FAILED"}
        if self.diff is not None:
            document["diff"] = self.diff
        if self.written:
            document["written"] = str(self.written)
        if self.shown:
            document["config"] = self.made.document
        return document

    def _sentence(self) -> str:
        found = self.made.errors or self.made.translated
        return "; ".join(f"{item.path}: {item.message}" for item in found)
