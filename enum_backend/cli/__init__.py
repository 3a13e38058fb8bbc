"""The command line: one command a file."""

from __future__ import annotations

import click

from enum_backend import __version__
from enum_backend.cli.agents import agents
from enum_backend.cli.audit import audit
from enum_backend.cli.common import fail
from enum_backend.cli.config import config
from enum_backend.cli.costs import costs
from enum_backend.cli.db import db
from enum_backend.cli.demo import demo
from enum_backend.cli.doctor import doctor
from enum_backend.cli.explain import explain
from enum_backend.cli.gateways import gateways
from enum_backend.cli.health import health
from enum_backend.cli.keys import keys
from enum_backend.cli.lint import lint
from enum_backend.cli.lookup import lookup
from enum_backend.cli.mcp import mcp
from enum_backend.cli.messages import messages
from enum_backend.cli.numbers import numbers
from enum_backend.cli.opt_outs import opt_outs
from enum_backend.cli.register import delete, register, update
from enum_backend.cli.send import send
from enum_backend.cli.serve import serve
from enum_backend.cli.shims import shims
from enum_backend.cli.sync import sync
from enum_backend.cli.tenants import tenants
from enum_backend.cli.users import users
from enum_backend.cli.verify import verify
from enum_backend.errors import SettingsError
from enum_backend.extensions import load_extensions


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="enum-backend")
def cli() -> None:
    """ENUM answers and SMS routing from phone-number records on the Emercoin blockchain."""


for command in (
    serve,
    demo,
    lookup,
    explain,
    lint,
    sync,
    register,
    update,
    delete,
    send,
    messages,
    mcp,
    numbers,
    agents,
    gateways,
    costs,
    doctor,
    health,
    keys,
    tenants,
    users,
    shims,
    opt_outs,
    verify,
    audit,
    config,
    db,
):
    cli.add_command(command)


def main() -> None:
    """The console script."""
    try:
        for extension in load_extensions():
            for command in extension.commands():
                cli.add_command(command)
    except SettingsError as error:
        fail(str(error))
    cli()
