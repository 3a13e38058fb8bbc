"""`enum-backend tenants ...`: tenants of the running server, and whose number is whose."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from enum_backend.cli.common import ask_server, common_options, reports_errors, show


@click.group()
def tenants() -> None:
    """Owners of numbers, keys and deliveries."""


@tenants.command("list")
@common_options
@reports_errors
def list_tenants(config_file: Path | None, as_json: bool) -> None:
    """List the tenants."""
    document = ask_server(config_file, as_json, "GET", "/tenants")
    show(document, as_json, lambda: "\n".join(map(_line, document["tenants"])))


@tenants.command()
@click.argument("name")
@click.option("--title", default="", help="The name people read.")
@click.option("--daily-cost", help="USD it may spend in 24 hours; default: no ceiling of its own.")
@common_options
@reports_errors
def create(
    name: str, title: str, daily_cost: str | None, config_file: Path | None, as_json: bool
) -> None:
    """Make a tenant."""
    body = {"name": name, "title": title} | ({"daily_cost": daily_cost} if daily_cost else {})
    document = ask_server(config_file, as_json, "POST", "/tenants", body)
    show(document, as_json, lambda: _line(document))


@tenants.command()
@click.argument("name")
@click.option("--title", help="The name people read.")
@click.option("--daily-cost", help="USD it may spend in 24 hours; none = no ceiling of its own.")
@click.option("--disable", "disabled", flag_value="yes", help="Refuse its keys.")
@click.option("--enable", "disabled", flag_value="no", help="Take its keys again.")
@common_options
@reports_errors
def update(
    name: str,
    title: str | None,
    daily_cost: str | None,
    disabled: str | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Change, disable or enable a tenant."""
    body: dict[str, Any] = {}
    if title is not None:
        body["title"] = title
    if daily_cost is not None:
        body["daily_cost"] = None if daily_cost == "none" else daily_cost
    if disabled is not None:
        body["disabled"] = disabled == "yes"
    document = ask_server(config_file, as_json, "PATCH", _path(name), body)
    show(document, as_json, lambda: _line(document))


@tenants.command()
@click.argument("name")
@common_options
@reports_errors
def delete(name: str, config_file: Path | None, as_json: bool) -> None:
    """Delete a tenant that has nothing any more; its name stays taken."""
    document = ask_server(config_file, as_json, "DELETE", _path(name))
    show(document, as_json, lambda: f"{name} is deleted")


@tenants.command()
@click.argument("name")
@common_options
@reports_errors
def numbers(name: str, config_file: Path | None, as_json: bool) -> None:
    """List the numbers that are bound to a tenant."""
    document = ask_server(config_file, as_json, "GET", f"{_path(name)}/bindings")
    show(document, as_json, lambda: "\n".join(map(_binding_line, document["bindings"])))


@tenants.command()
@click.argument("name")
@click.argument("number")
@click.option("--by-code", is_flag=True, help="Send a code to the number instead.")
@click.option("--code", help="The code that came.")
@common_options
@reports_errors
def bind(
    name: str,
    number: str,
    by_code: bool,
    code: str | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Give a number to a tenant."""
    path = f"{_path(name)}/bindings"
    if code is not None:
        path, body = f"{path}/{quote(number, safe='+')}/confirm", {"code": code}
    else:
        body = {"number": number} | ({"proof": "code"} if by_code else {})
    document = ask_server(config_file, as_json, "POST", path, body)
    show(document, as_json, lambda: _binding_line(document))


@tenants.command()
@click.argument("name")
@click.argument("number")
@common_options
@reports_errors
def unbind(name: str, number: str, config_file: Path | None, as_json: bool) -> None:
    """Take a number from a tenant."""
    path = f"{_path(name)}/bindings/{quote(number, safe='+')}"
    document = ask_server(config_file, as_json, "DELETE", path)
    show(document, as_json, lambda: f"{number} is no longer bound to {name}")


def _path(name: str) -> str:
    return f"/tenants/{quote(name, safe='')}"


def _line(tenant: dict[str, Any]) -> str:
    cost = tenant["daily_cost"]
    state = "disabled" if tenant["disabled_at"] else "live"
    ceiling = f"{cost['amount']} {cost['currency']} a day" if cost else "no ceiling"
    line = f"{tenant['name']:<20} {state:<8} {tenant['source']:<8} {ceiling}  {tenant['title']}"
    return line.rstrip()


def _binding_line(binding: dict[str, Any]) -> str:
    if binding["status"] == "pending":
        return f"{binding['number']}: a code is on its way; give it with --code"
    return f"{binding['number']:<16} {binding['tenant']:<20} {binding['proof']}"
