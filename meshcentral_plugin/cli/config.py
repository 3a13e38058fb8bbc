"""`enum-backend mesh config`: MeshCentral's config.json from a template."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from dotenv.parser import parse_stream

from enum_backend.audit import AuditLog
from enum_backend.cli.common import common_options, load, reports_errors, run
from enum_backend.cli.recording import shims_here
from enum_backend.clock import now_ms
from enum_backend.errors import wrong_field
from enum_backend.settings import Settings
from enum_backend.setup.places import database_url, local_url, prepare_data_dir
from enum_backend.shim_tokens import ShimTokenStore
from enum_backend.storage import Sealer, open_database
from enum_backend.storage.schema import upgrade
from enum_backend.storage.sealing import load_server_key
from enum_backend.tenants.store import seed
from meshcentral_plugin.cli.config_report import Report
from meshcentral_plugin.config import TRAPS, render
from meshcentral_plugin.config.document import parse, read_text, write
from meshcentral_plugin.config.masking import difference
from meshcentral_plugin.config.schema import read_schema
from meshcentral_plugin.shim import shim_url
from meshcentral_plugin.shim_callers import PROGRAM

ANY_TOKEN = "TOKEN"  # noqa: S105

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("config")
@click.argument("template", type=_FILE)
@click.option("--env", "env_file", type=_FILE, help="Variables; they win over the environment.")
@click.option("--out", type=_FILE, help="Write it here, mode 600; default: print it.")
@click.option("--check", is_flag=True, help="Examine only; exit code 1 unless all is right.")
@click.option("--fix", is_flag=True, help="With --check: names that were put right are right.")
@click.option(
    "--diff", is_flag=True, help="Show what changes, in --out FILE if given; secrets masked."
)
@click.option(
    "--via", type=click.Choice(["enum-backend"]), help="Send MeshCentral's SMS through our shim."
)
@click.option(
    "--server",
    default="default",
    show_default=True,
    help="With --via: name of the MeshCentral server, each has its own token.",
)
@click.option(
    "--shim-base", metavar="URL", help="With --via: where MeshCentral reaches enum-backend."
)
@click.option("--url", default="", help="Where browsers open MeshCentral, to check the origin.")
@click.option("--schema", type=_FILE, help="MeshCentral's own schema, to validate against too.")
@click.option("--allow", multiple=True, type=click.Choice(TRAPS), help="A trap you know of.")
@common_options
@reports_errors
def config(
    template: Path,
    env_file: Path | None,
    out: Path | None,
    check: bool,
    fix: bool,
    diff: bool,
    via: str | None,
    server: str,
    shim_base: str | None,
    url: str,
    schema: Path | None,
    allow: tuple[str, ...],
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Make MeshCentral's config.json from TEMPLATE, with ${VAR} and ${VAR:-default} filled in.

    Nothing is printed or written while something is wrong with it. --check writes
    nothing at all.
    """
    text = read_text(template, "template")
    settings = load(config_file).settings if via else None
    base = _shim_base(settings, shim_base) if settings else ""
    made = render(
        text,
        _variables(env_file),
        shim_url=shim_url(base, ANY_TOKEN) if via else "",
        schema=read_schema(schema) if schema else None,
        allow=allow,
        url=url,
    )
    good = not made.errors and not (check and made.translated and not fix)
    report = Report(made, good=good)
    if settings and not made.errors and not (check and not diff):
        token = run(_token(settings, server, {} if check else made.limits))
        made.document["sms"]["url"] = shim_url(base, token)
    if diff and not made.errors:
        before = _present(out) if out else made.template
        report.diff = difference(before, made.document, str(out or template))
    if good and not check:
        if out:
            write(out, made.text)
            report.written = out
        elif not diff:
            report.shown = True
    report.show(as_json=as_json, on_stderr=not check)
    sys.exit(0 if good else 1)


def _variables(env_file: Path | None) -> Mapping[str, str]:
    if env_file is None:
        return os.environ
    found = dict(os.environ)
    for binding in parse_stream(io.StringIO(read_text(env_file, "env"))):
        if binding.error:
            raise wrong_field("env", f"line {binding.original.line}: expected NAME=value")
        if binding.key is not None and binding.value is not None:
            found[binding.key] = binding.value
    return found


def _present(out: Path) -> dict[str, Any]:
    return parse(read_text(out, "out"), "out") if out.exists() else {}


def _shim_base(settings: Settings, given: str | None) -> str:
    base = given or settings.public_base_url or local_url(settings.http.host, settings.http.port)
    if not base.lower().startswith(("http://", "https://")):
        raise wrong_field("shim-base", "must start with http:// or https://")
    return base.rstrip("/")


async def _token(settings: Settings, server: str, limits: Mapping[str, int]) -> str:
    """The server's token, from our database; a running server knows it at once."""
    data_dir = prepare_data_dir(settings)
    url = database_url(settings)
    upgrade(url)
    sealer = Sealer(load_server_key(settings.server_key.get_secret_value(), data_dir))
    database = open_database(url)
    try:
        await database.write(lambda connection: seed(connection, settings.tenants, now_ms()))
        store = ShimTokenStore(database, sealer, shims_here(AuditLog(database, sealer)))
        _, token = await store.ensure(PROGRAM, server, changes=limits)
    finally:
        await database.close()
    return token
