"""`enum-backend mesh scan-secrets [PATHS]`: secrets that must not be committed."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from enum_backend.cli.common import show


@click.command("scan-secrets")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def scan_secrets(paths: tuple[Path, ...], as_json: bool) -> None:
    """Find gateway credentials, keys and tokens in files and directories.

    Without PATHS: the files below this directory that git has or would add.
    A line with `pragma: allowlist secret` is passed over. Exit code 1 when
    something is found, 2 for wrong use.
    """
    # detect-secrets is slow to load, and no other command needs it.
    from meshcentral_plugin.secret_scan.files import NoRepository, files_of, repository_files
    from meshcentral_plugin.secret_scan.scanner import scan

    try:
        files = files_of(paths or repository_files(Path()))
    except NoRepository:
        raise click.UsageError("not a git work tree: name files or directories") from None
    report = scan(files)
    unread = [(path, reason) for path, reason in report.skipped if reason == "cannot be read"]
    document = {
        "success": not report.findings,
        "files": report.files,
        "findings": [asdict(finding) for finding in report.findings],
        "skipped": [{"path": path, "reason": reason} for path, reason in report.skipped],
    }
    lines = [f"{item.path}:{item.line}: {item.kind}: {item.hint}" for item in report.findings]
    for path, reason in () if as_json else unread:
        click.echo(f"enum-backend: {path}: {reason}", err=True)
    show(document, as_json, lambda: "\n".join(lines) or f"{report.files} files: no secrets.")
    if report.findings and not as_json:
        click.echo(
            "Take them out and revoke them. What is no secret: "
            "`pragma: allowlist secret` in a comment of its line.",
            err=True,
        )
    sys.exit(1 if report.findings else 0)
