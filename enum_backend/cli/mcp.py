"""`enum-backend mcp`: numbers and messages for AI agents."""

from __future__ import annotations

from pathlib import Path

import click

from enum_backend.cli.common import (
    api_key,
    api_url,
    common_options,
    load,
    reports_errors,
    run,
    show,
)
from enum_backend.setup.places import local_url


@click.command()
@click.option("--http", "over_http", is_flag=True, help="Streamable HTTP instead of stdio.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8090, show_default=True, help="Port to listen on, 0 = any.")
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    help="Another name it is reached by, such as mcp.example.org (behind a proxy).",
)
@common_options
@reports_errors
def mcp(
    over_http: bool,
    host: str,
    port: int,
    allowed_hosts: tuple[str, ...],
    config_file: Path | None,
    as_json: bool,
) -> None:
    """The MCP server: stdio with this machine's API key, or HTTP with each caller's own.

    Talks to the running server (ENUM_BACKEND_API_URL, or as the settings say).
    """
    # Slow to import, and needed by no other command.
    from enum_backend.agents.mcp.http import PATH
    from enum_backend.agents.mcp.run import serve_http, serve_stdio

    loaded = load(config_file)
    server = api_url(loaded)
    if not over_http:
        run(serve_stdio(server, api_key(loaded)))
        return

    def started(on: int) -> None:
        here = local_url(host, on) + PATH
        show({"url": here, "server": server}, as_json, lambda: f"MCP at {here} for {server}")

    run(serve_http(server, host, port, list(allowed_hosts), started))
