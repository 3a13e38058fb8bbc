"""`enum-backend shims ...`: tokens of programs that send their SMS through a shim."""

from __future__ import annotations

from functools import partial
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
from enum_backend.web.shims.programs import PROGRAMS, check_secret, program_of, shim_url
from enum_backend.web.shims.tokens import token_json

_SECRET = "What the program signs with, or sends beside the URL."  # noqa: S105


@click.group()
def shims() -> None:
    """Supabase, ZITADEL, Logto, authentik, Nextcloud: their SMS through us."""


@shims.command("list")
@click.option("--program", type=click.Choice(list(PROGRAMS)), help="Only this program's.")
@common_options
@reports_errors
def list_tokens(program: str | None, config_file: Path | None, as_json: bool) -> None:
    """List the tokens, without their URLs."""
    found = with_store(config_file, lambda store, _: store.list(program))
    document = {"tokens": [token_json(token) for token in found]}
    show(document, as_json, lambda: "\n".join(map(line, found)))


@shims.command()
@click.argument("program", type=click.Choice(list(PROGRAMS)))
@click.argument("server")
@click.option("--tenant", default=DEFAULT, show_default=True, help="Whose messages they are.")
@setting_options
@click.option("--secret", help=_SECRET)
@common_options
@reports_errors
def create(
    program: str, server: str, tenant: str, config_file: Path | None, as_json: bool, **given: Any
) -> None:
    """Print the URL for SERVER's settings; the same each time, until it is revoked."""
    _ensure(program, server, tenant, config_file, as_json, given)


@shims.command("set")
@click.argument("program", type=click.Choice(list(PROGRAMS)))
@click.argument("server")
@setting_options
@click.option("--secret", help=_SECRET)
@common_options
@reports_errors
def set_(program: str, server: str, config_file: Path | None, as_json: bool, **given: Any) -> None:
    """Change a token's settings; `none` takes one away."""
    _ensure(program, server, None, config_file, as_json, given)


@shims.command()
@click.argument("program", type=click.Choice(list(PROGRAMS)))
@click.argument("server")
@common_options
@reports_errors
def revoke(program: str, server: str, config_file: Path | None, as_json: bool) -> None:
    """End a token: a running server refuses it at once."""
    with_store(config_file, lambda store, _: store.revoke(program, server))
    show({"success": True}, as_json, lambda: f"{program} {server} is revoked")


def _ensure(
    program: str,
    server: str,
    tenant: str | None,
    config_file: Path | None,
    as_json: bool,
    given: dict[str, Any],
) -> None:
    adapter = program_of(program)
    token, secret, settings = ensure(
        config_file, program, server, tenant, given, partial(check_secret, adapter)
    )
    url = shim_url(base_url(settings), program, secret)
    document = token_json(token) | {"url": url, "settings": adapter.settings}
    show(document, as_json, lambda: f"{url}\n{adapter.settings}")
