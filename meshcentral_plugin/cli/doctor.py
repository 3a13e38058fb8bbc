"""`enum-backend mesh doctor`: an existing MeshCentral installation, examined."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from enum_backend.cli.common import reports_errors, run, show
from enum_backend.doctor.model import Verdict
from enum_backend.logs import configure_logging
from meshcentral_plugin.config import TRAPS
from meshcentral_plugin.doctor import examine_installation


@click.command()
@click.option(
    "--config",
    "config_json",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="MeshCentral's config.json.",
)
@click.option(
    "--url",
    default="",
    help="Where browsers open MeshCentral; or where enum-backend is reached from here.",
)
@click.option("--to", default="", metavar="N", help="Send N one test message by sms.url.")
@click.option("--allow", multiple=True, type=click.Choice(TRAPS), help="A trap you know of.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reports_errors
def doctor(config_json: Path, url: str, to: str, allow: tuple[str, ...], as_json: bool) -> None:
    """Examine a MeshCentral configuration: what fails open, what is ignored, whether SMS work.

    Exit code 0 for READY, 1 for DEGRADED and NOT READY.
    """
    configure_logging("WARNING")
    report = run(examine_installation(config_json, url=url, to=to, allow=allow))
    show(report.json(), as_json, report.text)
    sys.exit(0 if report.verdict is Verdict.READY else 1)
