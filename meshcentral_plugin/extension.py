"""What this package adds to the server and the command line."""

from __future__ import annotations

from collections.abc import Sequence

import click

from enum_backend.web.endpoints import Endpoint
from enum_backend.web.services import Services
from meshcentral_plugin import (
    shim,
    shim_health,
    shim_lookup,
    shim_messages,
    shim_plugin,
    shim_servers,
)
from meshcentral_plugin.cli import mesh
from meshcentral_plugin.shim import shim_url
from meshcentral_plugin.shim_callers import PROGRAM

DEFAULT_SERVER = "default"


class MeshCentralExtension:
    """The shim of MeshCentral, and the commands around it."""

    name = "meshcentral"

    def endpoints(self) -> Sequence[Endpoint]:
        """All that stands below `/meshcentral`."""
        return (
            *shim.ENDPOINTS,
            *shim_messages.ENDPOINTS,
            *shim_health.ENDPOINTS,
            *shim_lookup.ENDPOINTS,
            *shim_plugin.ENDPOINTS,
            *shim_servers.ENDPOINTS,
        )

    def commands(self) -> Sequence[click.Command]:
        """`mesh`."""
        return (mesh,)

    async def start_lines(self, services: Services, base_url: str) -> Sequence[tuple[str, str]]:
        """The value of `sms.url` in MeshCentral's config.json; the same at each start."""
        token = await services.shim_tokens.token_for(PROGRAM, DEFAULT_SERVER)
        return [('MeshCentral: "sms": {"provider": "url", "url": ...}', shim_url(base_url, token))]
