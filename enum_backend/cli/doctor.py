"""`enum-backend doctor`: one report of what works, what does not, and what to do about it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from enum_backend.api_client import ApiClient
from enum_backend.cli.common import (
    api_key,
    api_url,
    common_options,
    load,
    reports_errors,
    run,
    show,
)
from enum_backend.doctor.examine import examine, unreadable
from enum_backend.doctor.model import Report, Verdict
from enum_backend.errors import SettingsError
from enum_backend.phone import normalize


@click.command()
@click.option("--live-send", "live_send", metavar="N", help="Send N one real test message.")
@common_options
@reports_errors
def doctor(live_send: str | None, config_file: Path | None, as_json: bool) -> None:
    """Examine settings, database, gateways (asking providers, sending nothing), records, server.

    Exit code 0 for READY, 1 for DEGRADED and NOT READY.
    """
    report = _report(config_file, live_send)
    show(report.json(), as_json, report.text)
    sys.exit(0 if report.verdict is Verdict.READY else 1)


def _report(config_file: Path | None, live_send: str | None) -> Report:
    try:
        loaded = load(config_file)
    except SettingsError as error:
        return unreadable(error)
    to = normalize(live_send, loaded.settings.default_region) if live_send else None
    client = ApiClient(api_url(loaded), api_key(loaded) if to else "", seconds=10)
    return run(examine(loaded, client, live_send_to=to))
