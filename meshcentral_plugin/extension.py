"""What this package adds to the server and the command line."""

from __future__ import annotations

from collections.abc import Sequence

import click

from enum_backend.web.endpoints import Endpoint
from enum_backend.web.services import Services
from meshcentral_plugin.shim import ENDPOINTS, PROGRAM, shim_url

DEFAULT_SERVER = "default"


class MeshCentralExtension:
    """The URL-provider shim of MeshCentral."""

    name = "meshcentral"

    def endpoints(self) -> Sequence[Endpoint]:
        """`GET /meshcentral/sms/{token}`."""
        return ENDPOINTS

    def commands(self) -> Sequence[click.Command]:
        """None yet."""
        return ()

    async def start_lines(self, services: Services, base_url: str) -> Sequence[tuple[str, str]]:
        """The value of `sms.url` in MeshCentral's config.json; the same at each start."""
        token = await services.shim_tokens.token_for(PROGRAM, DEFAULT_SERVER)
        return [('MeshCentral: "sms": {"provider": "url", "url": ...}', shim_url(base_url, token))]
