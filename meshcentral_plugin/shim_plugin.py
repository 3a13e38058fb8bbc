"""`GET /meshcentral/plugin/...`: the plugin, for MeshCentral's `Download Plugin`.

Neither file holds a secret; MeshCentral sends no header when it downloads them.
"""

from __future__ import annotations

from aiohttp import web

from enum_backend.web.endpoints import Call, Endpoint
from meshcentral_plugin.plugin_files import ARCHIVE, MANIFEST, PATH, manifest, pack


async def config_json(call: Call) -> web.Response:
    """The address to enter in MeshCentral."""
    return web.json_response(manifest(call.services.public_url + PATH))


async def archive(call: Call) -> web.Response:
    """What the manifest's `downloadUrl` names."""
    return web.Response(body=pack(call.services.public_url + PATH), content_type="application/zip")


ENDPOINTS = (
    Endpoint("GET", f"{PATH}/{MANIFEST}", config_json, "MeshCentral's plugin: its manifest"),
    Endpoint("GET", f"{PATH}/{ARCHIVE}", archive, "MeshCentral's plugin: its files", hidden=True),
)
