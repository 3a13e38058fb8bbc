"""Secrets in files: detect-secrets' own detectors and ours, line by line.

Nothing is sent anywhere: no detector asks an issuer whether a secret works.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from detect_secrets.filters.allowlist import is_line_allowlisted
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import BasePlugin
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.util.code_snippet import CodeSnippet, get_code_snippet

from meshcentral_plugin.secret_scan.credentials import CREDENTIALS
from meshcentral_plugin.secret_scan.documents import decoded, document_of
from meshcentral_plugin.secret_scan.files import skipped_for
from meshcentral_plugin.secret_scan.patterns import SHAPES
from meshcentral_plugin.secret_scan.placeholders import is_placeholder
from meshcentral_plugin.secret_scan.sections import SECTIONS

OF_TEXTS: Final[tuple[BasePlugin, ...]] = (
    *(detector() for detector in SHAPES),
    PrivateKeyDetector(),
    AWSKeyDetector(),
    AzureStorageKeyDetector(),
    GitHubTokenDetector(),
    GitLabTokenDetector(),
    SendGridDetector(),
    SlackDetector(),
    StripeDetector(),
)
"""Detectors that look at any line."""

OF_SETTINGS: Final[tuple[BasePlugin, ...]] = tuple(
    detector() for detector in (*CREDENTIALS, *SECTIONS)
)
"""Detectors that look at settings; the most telling first, for a secret is reported once."""

SHORTEST: Final = 6
"""Characters of the value of a setting."""

_TELLING = re.compile(
    r"auth|token|key|secret|pass|sid|id$|url|from|sender|number|phone|caller|msisdn|src|did",
    re.IGNORECASE,
)
"""What every key of `OF_SETTINGS` has."""

_LONG = re.compile(r"[\w+/=.-]{16}|BEGIN")
"""What every secret of `OF_TEXTS` has, so that most lines need no closer look."""

_ALLOWED = re.compile(r"\bscan-secrets: allow\b(?! next line)")
_ALLOWED_NEXT = re.compile(r"\bscan-secrets: allow next line\b")


@dataclass(frozen=True, slots=True)
class Finding:
    """A secret, without the secret.

    Attributes:
        path: as it was asked for.
        line: from 1.
        hint: what it begins with where that only names its kind, and its length.
    """

    path: str
    line: int
    kind: str
    hint: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and what was not looked at: (path, reason)."""

    findings: Sequence[Finding]
    skipped: Sequence[tuple[str, str]]
    files: int


def scan(paths: Iterable[Path]) -> Report:
    """Look at these files. Files that are no texts, too large or locks are skipped."""
    findings: list[Finding] = []
    skipped: list[tuple[str, str]] = []
    files = 0
    for path in paths:
        if reason := skipped_for(path):
            skipped.append((str(path), reason))
            continue
        files += 1
        findings += scan_file(path)
    return Report(findings, skipped, files)


def scan_file(path: Path) -> list[Finding]:
    """The secrets in a file, by line."""
    lines = decoded(path.read_bytes()).split("\n")
    name = str(path)
    telling = {
        number
        for number, settings in document_of(name).settings.items()
        if any(len(item.value) >= SHORTEST and _TELLING.search(item.key) for item in settings)
    }
    findings: list[Finding] = []
    for number, line in enumerate(lines, start=1):
        detectors = OF_TEXTS if _LONG.search(line) else ()
        detectors += OF_SETTINGS if number in telling else ()
        if detectors:
            context = get_code_snippet(lines, number)
            found = _of_line(name, number, line, context, detectors)
            if found and not _allowed(name, line, context):
                findings += found
    return findings


def _of_line(
    name: str, number: int, line: str, context: CodeSnippet, detectors: Sequence[BasePlugin]
) -> list[Finding]:
    known: list[str] = []
    findings = []
    for detector in detectors:
        found = detector.analyze_line(filename=name, line=line, line_number=number, context=context)
        for secret in sorted(item.secret_value or "" for item in found):
            if is_placeholder(secret) or any(secret in other for other in known):
                continue
            known.append(secret)
            shown = getattr(detector, "shown", "")
            hint = f"{shown}... ({len(secret)} characters)"
            # detect-secrets wants a type for each detector: "Plivo auth id (by shape)".
            kind = detector.secret_type.partition(" (")[0]
            findings.append(Finding(name, number, kind, hint))
    return findings


def _allowed(name: str, line: str, context: CodeSnippet) -> bool:
    return bool(
        _ALLOWED.search(line)
        or _ALLOWED_NEXT.search(context.previous_line)
        or is_line_allowlisted(name, line, context)
    )
