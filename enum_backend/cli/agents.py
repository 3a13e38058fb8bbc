"""`enum-backend agents ...`: leased numbers of the running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from enum_backend.cli.common import ask_server, common_options, reports_errors, show

WAIT_MARGIN = 15.0
"""Seconds that an answer may take beyond the wait itself."""


@click.group()
def agents() -> None:
    """Numbers leased to agents, and the messages that come to them."""


@agents.command()
@click.option("--to", required=True, help="Number of the pool.")
@click.option("--text", required=True, help="What the message says.")
@click.option("--from", "sender", help="Number or name it comes from.")
@click.option("--sent-at", help="RFC 3339 time by the provider's clock; default: none is told.")
@common_options
@reports_errors
def simulate(
    to: str,
    text: str,
    sender: str | None,
    sent_at: str | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Let a message come in, in simulation mode."""
    body = _given(to=to, text=text, sent_at=sent_at) | _given(**{"from": sender})
    document = ask_server(config_file, as_json, "POST", "/agents/simulate", body)
    show(document, as_json, lambda: f"{document['message_id']} came to {to}")


@agents.command()
@click.argument("passport")
@click.option("--ttl", help='Seconds, or such as "15m".')
@click.option("--service", help="One of agents.services.")
@common_options
@reports_errors
def lease(
    passport: str, ttl: str | None, service: str | None, config_file: Path | None, as_json: bool
) -> None:
    """Lease a number for a passport, or prolong the lease it has."""
    body = _given(passport_id=passport, ttl=ttl, service=service)
    document = ask_server(config_file, as_json, "POST", "/agents/leases", body)
    show(document, as_json, lambda: _lease_line(document))


@agents.command()
@click.option("--ended", is_flag=True, help="Those that have ended, too.")
@click.option("--everybody", is_flag=True, help="Of every key; for admins.")
@common_options
@reports_errors
def leases(ended: bool, everybody: bool, config_file: Path | None, as_json: bool) -> None:
    """List leases of this key, the newest first."""
    query = {"ended": str(ended).lower(), "everybody": str(everybody).lower()}
    document = ask_server(config_file, as_json, "GET", "/agents/leases", query=query)
    show(document, as_json, lambda: "\n".join(map(_lease_line, document["leases"])))


@agents.command()
@click.argument("lease_id")
@common_options
@reports_errors
def release(lease_id: str, config_file: Path | None, as_json: bool) -> None:
    """End a lease."""
    document = ask_server(config_file, as_json, "DELETE", _path(lease_id))
    show(
        document,
        as_json,
        lambda: (
            f"{document['phone_number']} is released; cooling until {document['cooling_until']}"
        ),
    )


@agents.command()
@click.argument("lease_id")
@click.option("--timeout", default=30.0, show_default=True, help="Longest wait, seconds.")
@click.option("--sender", help="Only messages from this number or name.")
@click.option("--contains", help="Only messages with this in their text.")
@click.option("--after", help="Only messages after the one of this id.")
@common_options
@reports_errors
def wait(
    lease_id: str,
    timeout: float,
    sender: str | None,
    contains: str | None,
    after: str | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Wait for a message of a lease."""
    body = _given(timeout_ms=round(timeout * 1000), sender=sender, contains=contains, after=after)
    document = ask_server(
        config_file,
        as_json,
        "POST",
        f"{_path(lease_id)}/wait",
        body,
        seconds=max(timeout, 0.0) + WAIT_MARGIN,
    )
    show(document, as_json, lambda: _message_line(document))


@agents.command()
@click.argument("lease_id")
@click.option("--after", help="Only messages after the one of this id.")
@common_options
@reports_errors
def messages(lease_id: str, after: str | None, config_file: Path | None, as_json: bool) -> None:
    """List the messages of a live lease."""
    query = {"after": after} if after else None
    document = ask_server(config_file, as_json, "GET", f"{_path(lease_id)}/messages", query=query)
    show(document, as_json, lambda: "\n".join(map(_message_line, document["messages"])))


@agents.command()
@click.option("--days", default=30, show_default=True, help="How far back.")
@common_options
@reports_errors
def usage(days: int, config_file: Path | None, as_json: bool) -> None:
    """Show what keys did, day by day."""
    query = {"days": str(days)}
    document = ask_server(config_file, as_json, "GET", "/agents/usage", query=query)
    show(document, as_json, lambda: "\n".join(map(_usage_line, document["usage"])))


@agents.group(invoke_without_command=True)
@common_options
@click.pass_context
def pool(context: click.Context, config_file: Path | None, as_json: bool) -> None:
    """The numbers that can be leased; alone: list them."""
    if context.invoked_subcommand is None:
        context.invoke(list_pool, config_file=config_file, as_json=as_json)


@pool.command("list")
@click.option("--tenant", help="For admins; default: every tenant's.")
@common_options
@reports_errors
def list_pool(
    config_file: Path | None = None, as_json: bool = False, tenant: str | None = None
) -> None:
    """List the pool and how each number stands."""
    query = {"tenant": tenant} if tenant else None
    document = ask_server(config_file, as_json, "GET", "/agents/pool", query=query)
    show(document, as_json, lambda: "\n".join(map(_number_line, document["numbers"])))


@pool.command()
@click.argument("number")
@click.option("--tenant", help="Default: whose number it is.")
@common_options
@reports_errors
def add(number: str, tenant: str | None, config_file: Path | None, as_json: bool) -> None:
    """Put a number into the pool."""
    body = _given(phone_number=number, tenant=tenant)
    document = ask_server(config_file, as_json, "POST", "/agents/pool", body)
    show(document, as_json, lambda: _number_line(document))


@pool.command()
@click.argument("number")
@click.option("--end-lease", is_flag=True, help="End its lease now, if it has one.")
@common_options
@reports_errors
def remove(number: str, end_lease: bool, config_file: Path | None, as_json: bool) -> None:
    """Take a number out of the pool."""
    path = f"/agents/pool/{quote(number, safe='+')}"
    query = {"end_lease": str(end_lease).lower()}
    document = ask_server(config_file, as_json, "DELETE", path, query=query)
    show(document, as_json, lambda: f"{number} is no longer lent")


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _path(lease_id: str) -> str:
    return f"/agents/leases/{quote(lease_id, safe='')}"


def _lease_line(item: dict[str, Any]) -> str:
    end = item["ended_at"] or item["expires_at"]
    return (
        f"{item['lease_id']}  {item['phone_number']:<16} {item['state']:<9} until {end}  "
        f"{item['passport_id']}"
    )


def _message_line(item: dict[str, Any]) -> str:
    text = item.get("body")
    said = "(text withheld)" if text is None else " ".join(text.split())
    return f"{item['id']}  {item['received_at']}  {item['from']}  code {item['code']}  {said}"


def _number_line(item: dict[str, Any]) -> str:
    until = item["leased_until"] or item["cooling_until"]
    state = f"{item['status']} until {until}" if until else item["status"]
    return f"{item['phone_number']:<16} {item['tenant']:<16} {item['source']:<9} {state}"


def _usage_line(item: dict[str, Any]) -> str:
    return (
        f"{item['day']}  {item['key_id']:<22} leases {item['leases']}, messages "
        f"{item['messages']}, waits {item['waits']} ({item['timeouts']} timed out)"
    )
