"""`enum-backend mesh texts --out DIR`: texts for MeshCentral that tell us their kind."""

from __future__ import annotations

from pathlib import Path

import click

from enum_backend.cli.common import fail, reports_errors, show
from meshcentral_plugin.sms_texts import TEXTS, write_texts


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="MeshCentral's folder meshcentral-web/emails, beside meshcentral-data.",
)
@click.option(
    "--language",
    type=click.Choice(list(TEXTS)),
    help="Only this language, for all users; default: English and its translations.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reports_errors
def texts(out: Path, language: str | None, as_json: bool) -> None:
    """Write sms-messages.txt: with these texts logins and phone checks can be told apart."""
    try:
        written = write_texts(out, language)
    except OSError as error:
        fail(f"{out}: cannot be written: {error.strerror or error}", as_json=as_json)
    document = {"written": [str(path) for path in written]}
    show(document, as_json, lambda: "\n".join(document["written"]) or "nothing to change")
