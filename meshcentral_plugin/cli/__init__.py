"""`enum-backend mesh ...`: MeshCentral, one command a file."""

from __future__ import annotations

import click

from meshcentral_plugin.cli.config import config
from meshcentral_plugin.cli.doctor import doctor
from meshcentral_plugin.cli.messages import messages
from meshcentral_plugin.cli.plugin import plugin
from meshcentral_plugin.cli.scan_secrets import scan_secrets
from meshcentral_plugin.cli.texts import texts
from meshcentral_plugin.cli.tokens import tokens


@click.group()
def mesh() -> None:
    """MeshCentral: its configuration, and its SMS through us."""


for command in (config, doctor, messages, plugin, scan_secrets, texts, tokens):
    mesh.add_command(command)
