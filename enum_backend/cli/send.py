"""`enum-backend send TO TEXT`: one SMS through the running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from enum_backend.cli.common import ask_server, common_options, reports_errors, show


@click.command()
@click.argument("to")
@click.argument("text")
@click.option("--gateway", help="Gateway to insist on.")
@click.option("--from", "sender", help="Number to send from.")
@click.option("--client-reference", help="Makes a repeat of this command harmless.")
@click.option("--send-at", help="RFC 3339 time in the next 30 days, default now.")
@click.option("--transliterate", is_flag=True, help="Replace what alone forces UCS-2.")
@common_options
@reports_errors
def send(
    to: str,
    text: str,
    gateway: str | None,
    sender: str | None,
    client_reference: str | None,
    send_at: str | None,
    transliterate: bool,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Send an SMS through the running server."""
    wanted = {
        "to": to,
        "message": text,
        "gateway": gateway,
        "from": sender,
        "client_reference": client_reference,
        "send_at": send_at,
        "transliterate": transliterate or None,
    }
    body = {name: value for name, value in wanted.items() if value is not None}
    answer = ask_server(config_file, as_json, "POST", "/sms/send", body)
    show(answer, as_json, lambda: _text(answer))


def _text(answer: dict[str, Any]) -> str:
    return (
        f"{answer['message_id']}  {answer['status']}  gateway {answer['gateway']}, "
        f"{answer['segments']} segment(s) {answer['encoding']}"
    )
