"""`enum-backend mesh tokens list|create|set|revoke`: one token for each MeshCentral server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from enum_backend.cli.common import common_options, reports_errors, show
from enum_backend.cli.shim_settings import (
    base_url,
    ensure,
    line,
    setting_options,
    with_store,
)
from enum_backend.tenants.store import DEFAULT
from enum_backend.web.shims.tokens import token_json
from meshcentral_plugin.shim import shim_url
from meshcentral_plugin.shim_callers import PROGRAM


@click.group()
def tokens() -> None:
    """Tokens of MeshCentral servers, each with its own limits, region, sender and template."""


@tokens.command("list")
@common_options
@reports_errors
def list_tokens(config_file: Path | None, as_json: bool) -> None:
    """List the servers, without their URLs."""
    found = with_store(config_file, lambda store, _: store.list(PROGRAM))
    document = {"tokens": [token_json(token) for token in found]}
    show(document, as_json, lambda: "\n".join(map(line, found)))


@tokens.command()
@click.argument("server")
@click.option("--tenant", default=DEFAULT, show_default=True, help="Whose messages they are.")
@setting_options
@common_options
@reports_errors
def create(server: str, tenant: str, config_file: Path | None, as_json: bool, **given: Any) -> None:
    """Print the `sms.url` of SERVER; the same each time, until it is revoked."""
    _ensure(server, tenant, config_file, as_json, given)


@tokens.command("set")
@click.argument("server")
@setting_options
@common_options
@reports_errors
def set_(server: str, config_file: Path | None, as_json: bool, **given: Any) -> None:
    """Change a server's settings; `none` takes one away."""
    _ensure(server, None, config_file, as_json, given)


@tokens.command()
@click.argument("server")
@common_options
@reports_errors
def revoke(server: str, config_file: Path | None, as_json: bool) -> None:
    """End a server's token: a running server refuses it at once."""
    with_store(config_file, lambda store, _: store.revoke(PROGRAM, server))
    show({"success": True}, as_json, lambda: f"{server} is revoked")


def _ensure(
    server: str,
    tenant: str | None,
    config_file: Path | None,
    as_json: bool,
    given: dict[str, Any],
) -> None:
    token, secret, settings = ensure(config_file, PROGRAM, server, tenant, given)
    url = shim_url(base_url(settings), secret)
    show(token_json(token) | {"url": url}, as_json, lambda: url)
