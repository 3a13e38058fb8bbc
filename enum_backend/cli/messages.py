"""`enum-backend messages ...`: what went out and came in, through the running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from enum_backend.cli.common import ask_server, common_options, reports_errors, show
from enum_backend.messaging.list_pages import DEAD

PAGE = 200


@click.group()
def messages() -> None:
    """Messages that went out and came in."""


@messages.command("list")
@click.option("--direction", type=click.Choice(["outbound", "inbound"]), help="Default: both.")
@click.option("--number", help="It was sent to, or came from or to.")
@click.option("--status", help="One or more, comma-separated.")
@click.option("--reference", help="The client_reference they were sent with.")
@click.option("--since", help="RFC 3339 time, such as 2026-01-31T09:00:00Z.")
@click.option("--until", help="RFC 3339 time, not included.")
@click.option("--tenant", help="For admins; default: every tenant's.")
@click.option("--limit", type=click.IntRange(1), default=PAGE, show_default=True)
@common_options
@reports_errors
def list_messages(
    direction: str | None,
    number: str | None,
    status: str | None,
    reference: str | None,
    since: str | None,
    until: str | None,
    tenant: str | None,
    limit: int,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """List messages, oldest first."""
    query = {
        "direction": direction,
        "number": number,
        "status": status,
        "client_reference": reference,
        "since": since,
        "until": until,
        "tenant": tenant,
    }
    _list(query, limit, config_file, as_json)


@messages.command()
@click.option("--tenant", help="For admins; default: every tenant's.")
@click.option("--limit", type=click.IntRange(1), default=PAGE, show_default=True)
@common_options
@reports_errors
def dead(tenant: str | None, limit: int, config_file: Path | None, as_json: bool) -> None:
    """List messages that did not arrive, or nobody knows: what `retry` is for."""
    query = {"direction": "outbound", "status": ",".join(sorted(DEAD)), "tenant": tenant}
    _list(query, limit, config_file, as_json)


@messages.command("show")
@click.argument("message_id")
@common_options
@reports_errors
def show_message(message_id: str, config_file: Path | None, as_json: bool) -> None:
    """One message; of an outbound one every attempt."""
    inbound = message_id.startswith("in_")
    path = _path(message_id) if inbound else f"/sms/status/{quote(message_id, safe='')}"
    document = ask_server(config_file, as_json, "GET", path)
    text = _inbound_text if inbound else _status_text
    show(document, as_json, lambda: text(document))


@messages.command()
@click.argument("message_id")
@common_options
@reports_errors
def cancel(message_id: str, config_file: Path | None, as_json: bool) -> None:
    """Stop a message that waits to be sent."""
    document = ask_server(config_file, as_json, "POST", f"{_path(message_id)}/cancel")
    show(document, as_json, lambda: _status_text(document))


@messages.command()
@click.argument("message_id")
@click.option("--yes", is_flag=True, help="Needed for an unknown one: it may have arrived.")
@common_options
@reports_errors
def retry(message_id: str, yes: bool, config_file: Path | None, as_json: bool) -> None:
    """Send a message that did not arrive once more."""
    if not yes:
        path = f"/sms/status/{quote(message_id, safe='')}"
        standing = ask_server(config_file, as_json, "GET", path)
        if standing["status"] == "unknown":
            raise click.UsageError("it may have arrived: confirm a second message with --yes")
    document = ask_server(config_file, as_json, "POST", f"{_path(message_id)}/retry")
    show(document, as_json, lambda: _status_text(document))


def _list(
    query: dict[str, str | None], limit: int, config_file: Path | None, as_json: bool
) -> None:
    """Read pages until there are `limit` messages, or no more."""
    given = {name: value for name, value in query.items() if value is not None}
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        size = {"limit": str(min(limit - len(found), PAGE))}
        place = {"after": after} if after else {}
        page = ask_server(config_file, as_json, "GET", "/sms/messages", query=given | size | place)
        found += page["messages"]
        after = page["next"]
        if after is None or len(found) >= limit:
            break
    document = {"messages": found, "next": after}
    show(document, as_json, lambda: "\n".join(map(_line, found)) or "There are none.")


def _path(message_id: str) -> str:
    return f"/sms/messages/{quote(message_id, safe='')}"


def _line(message: dict[str, Any]) -> str:
    arrow = "->" if message["direction"] == "outbound" else "<-"
    other = message["to"] if message["direction"] == "outbound" else message["from"]
    why = f"  {message['reason']}" if message["reason"] else ""
    return (
        f"{message['created_at']}  {message['id']}  {message['status']:<11} {arrow} {other:<16}"
        f" {message['gateway']}{why}"
    )


def _status_text(document: dict[str, Any]) -> str:
    lines = [
        f"{document['message_id']}  {document['status']}  to {document['destination']}"
        f" by {document['gateway']}"
    ]
    lines += [
        f"  {attempt['number']}. {attempt['started_at']}  {attempt['gateway']}"
        f"  {attempt['outcome']}  {_why_and_cost(attempt)}".rstrip()
        for attempt in document["attempts"]
    ]
    return "\n".join(lines)


def _why_and_cost(attempt: dict[str, Any]) -> str:
    cost = attempt["cost"]
    money = f"{cost['amount']} {cost['currency']}" if cost else ""
    return f"{attempt['reason'] or ''}  {money}".strip()


def _inbound_text(document: dict[str, Any]) -> str:
    head = f"{document['id']}  from {document['from']} to {document['to']}"
    return f"{head}  {document['created_at']}\n{document['body'] or '(text not shown)'}"
