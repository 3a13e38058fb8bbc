"""`enum-backend health`: whether the running server is ready, as an exit code."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from enum_backend.api_client import ApiClient, NoServer
from enum_backend.cli.common import (
    api_url,
    common_options,
    fail,
    load,
    reports_errors,
    run,
    show,
)


@click.command()
@common_options
@reports_errors
def health(config_file: Path | None, as_json: bool) -> None:
    """Ask the running server's /readyz: exit code 0 for ready and degraded, else 1."""
    client = ApiClient(api_url(load(config_file)), seconds=10)
    try:
        answer = run(client.request("GET", "/readyz"))
    except NoServer as error:
        fail(str(error), as_json=as_json)
    status = answer.document.get("status", f"HTTP {answer.status}")
    show(dict(answer.document), as_json, lambda: f"{status} at {client.url}")
    sys.exit(0 if answer.status == 200 else 1)
