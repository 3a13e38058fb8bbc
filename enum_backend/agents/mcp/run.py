"""Runs the MCP server on one of its transports until it is told to stop."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

import uvicorn
from mcp.server.stdio import stdio_server

from enum_backend.agents.mcp.api import Api
from enum_backend.agents.mcp.http import http_app
from enum_backend.agents.mcp.server import AgentServer
from enum_backend.agents.otp import prepare
from enum_backend.errors import SettingsError


async def serve_stdio(url: str, key: str) -> None:
    """Standard input and output belong to the protocol; the log goes to standard error."""
    prepare()
    async with Api(url) as api, stdio_server() as (reader, writer):
        protocol = AgentServer(api, lambda: key).protocol
        await protocol.run(reader, writer, protocol.create_initialization_options())


async def serve_http(
    url: str, host: str, port: int, allowed_hosts: list[str], started: Callable[[int], None]
) -> None:
    """Listen, tell the port, and serve until a signal.

    Raises:
        SettingsError: the address cannot be used.
    """
    prepare()
    # The package logs request lines and, when something fails, what was in them.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(f"--port: {host}:{port} cannot be used ({error.strerror})") from None
    with listener:
        started(listener.getsockname()[1])
        async with Api(url) as api:
            app = http_app(api, host, allowed_hosts)
            config = uvicorn.Config(app, access_log=False, log_level="error")
            await uvicorn.Server(config).serve(sockets=[listener])
