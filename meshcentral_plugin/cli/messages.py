"""`enum-backend mesh messages`: what MeshCentral's SMS became, which it does not show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from enum_backend.cli.common import ask_server, common_options, reports_errors, show
from meshcentral_plugin.shim_messages import MAX_PAGE


@click.command()
@click.option("--server", help="Only this MeshCentral's.")
@click.option("--before", help="`next` of an earlier page.")
@click.option("--limit", type=click.IntRange(1, MAX_PAGE), default=20, show_default=True)
@common_options
@reports_errors
def messages(
    server: str | None, before: str | None, limit: int, config_file: Path | None, as_json: bool
) -> None:
    """Show what MeshCentral servers sent, newest first: where it went, and why."""
    query = {"server": server, "before": before, "limit": str(limit)}
    given = {name: value for name, value in query.items() if value is not None}
    document = ask_server(config_file, as_json, "GET", "/meshcentral/messages", query=given)
    show(document, as_json, lambda: "\n".join(_lines(document)))


def _lines(document: dict[str, Any]) -> list[str]:
    lines = [line for message in document["messages"] for line in _message(message)]
    if document["next"]:
        lines.append(f"more: --before {document['next']}")
    return lines or ["no messages"]


def _message(message: dict[str, Any]) -> list[str]:
    why = f" ({message['reason']})" if message["reason"] else ""
    head = f"{message['created_at']}  {message['message_id']}  {message['server'] or '-'}"
    applied = [f"{step['rule']}: {step['why']}" for step in message["route"] if step["applied"]]
    tried = [
        f"{attempt['gateway']}: {attempt['outcome']} {attempt['reason'] or ''}".rstrip()
        for attempt in message["attempts"]
    ]
    return [
        f"{head}  {message['status']}{why}",
        f"  to {message['destination']}: {message['about'] or message['kind']}",
        *(f"  {text}" for text in (*applied, *tried)),
    ]
