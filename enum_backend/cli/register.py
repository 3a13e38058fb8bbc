"""`enum-backend register|update|delete`: number records onto the chain."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from enum_backend.cli.common import common_options, load, reports_errors, run
from enum_backend.cli.registration import Manner, perform
from enum_backend.cli.registration_asked import Asked
from enum_backend.phone import lookup_digits
from enum_backend.settings.base import seconds
from enum_backend.setup.records import signers
from nvs.formats import MAX_VALUE_OCTETS
from nvs.record_index import MAX_ENUMER_INDEX
from nvs.registration import MAX_DAYS, InvalidRegistration, Kind, WantedRecord

F = TypeVar("F", bound=Callable[..., Any])

_ANY_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


def _stacked(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _duration(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    try:
        return float(str(seconds(value)))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


value_options = _stacked(
    click.option("--voice", multiple=True, metavar="URI", help="Where calls go; repeatable."),
    click.option(
        "--sms", metavar="GATEWAY:NUMBER", help="Who carries SMS, as telnyx:+14155551234."
    ),
    click.option(
        "--forward-to", multiple=True, help="Where inbound SMS go: mail, number, URL; repeatable."
    ),
    click.option(
        "--service",
        "services",
        multiple=True,
        metavar="SERVICE=URI",
        help="Any other service, as email:mailto=mailto:x@y; repeatable.",
    ),
    click.option("--ttl", type=int, help="Seconds that DNS answers are kept."),
    click.option(
        "--value-file", type=_ANY_FILE, help="Take the value from a file as it stands, - is stdin."
    ),
    click.option("--to-address", default="", help="Emercoin address that shall own the name."),
    click.option("--sign-with", default="", metavar="ver:NAME", help="Add this verifier's SIG."),
)

name_options = _stacked(
    click.option(
        "--format",
        "format_",
        type=click.Choice(["json", "enumer"]),
        help="json at the e164.arpa name (default), or Emercoin's own lines at enum:NUMBER:INDEX.",
    ),
    click.option(
        "--index",
        type=click.IntRange(0, MAX_ENUMER_INDEX),
        help="Index of the enumer name; the next free one, or the only one.",
    ),
)

manner_options = _stacked(
    click.option(
        "--print", "print_only", is_flag=True, help="Print emercoin-cli lines, send nothing."
    ),
    click.option("--yes", is_flag=True, help="Do not ask."),
    click.option("--wait", is_flag=True, help="Wait until a block has it."),
    click.option(
        "--timeout", default="30m", callback=_duration, help="Longest wait, as 30m (default)."
    ),
)


@click.command()
@click.argument("number")
@value_options
@name_options
@click.option("--days", type=click.IntRange(1, MAX_DAYS), default=365, help="Rental, default 365.")
@manner_options
@common_options
@reports_errors
def register(number: str, **options: Any) -> None:
    """Register a number's record on the chain.

    Shows what will be written and asks first.
    """
    _write(Kind.NEW, number, **options)


@click.command()
@click.argument("number")
@value_options
@name_options
@click.option("--days", type=click.IntRange(0, MAX_DAYS), default=0, help="Days to add, default 0.")
@manner_options
@common_options
@reports_errors
def update(number: str, **options: Any) -> None:
    """Change a number's record on the chain, its owner stays the same.

    With --days and no value, the present value is kept.
    """
    _write(Kind.UPDATE, number, **options)


@click.command()
@click.argument("number")
@name_options
@manner_options
@common_options
@reports_errors
def delete(
    number: str,
    format_: str | None,
    index: int | None,
    config_file: Path | None,
    **manner: Any,
) -> None:
    """Delete a number's record from the chain."""
    loaded = load(config_file)
    digits = lookup_digits(number, loaded.settings.default_region)
    asked = Asked(Kind.DELETE, digits, format=format_, index=index)
    _check_index(asked)
    run(perform(loaded.settings.nvs.rpc, asked, Manner(**manner)))


def _write(
    kind: Kind,
    number: str,
    *,
    voice: tuple[str, ...],
    sms: str | None,
    forward_to: tuple[str, ...],
    services: tuple[str, ...],
    ttl: int | None,
    value_file: Path | None,
    to_address: str,
    sign_with: str,
    format_: str | None,
    index: int | None,
    days: int,
    config_file: Path | None,
    **manner: Any,
) -> None:
    loaded = load(config_file)
    digits = lookup_digits(number, loaded.settings.default_region)
    parts = (voice, sms, forward_to, services, ttl)
    wanted = None
    if any(part not in (None, ()) for part in parts):
        wanted = _wanted(*parts)
    if wanted is not None and value_file is not None:
        raise click.UsageError("--value-file takes the value as it stands, give no parts of one.")
    if sign_with and wanted is None:
        raise click.UsageError("--sign-with needs the value in options, such as --voice.")
    if wanted is None and value_file is None and (kind is Kind.NEW or not days):
        raise click.UsageError("There is nothing to write: give --voice, --sms, --value-file ...")
    value = None if value_file is None else _read(value_file)
    asked = Asked(
        kind, digits, wanted, value, format_, index, days, address=to_address, verifier=sign_with
    )
    _check_index(asked)
    from_stdin = str(value_file) == "-"
    how = Manner(value_on_stdin=from_stdin, listed=signers(loaded.settings), **manner)
    run(perform(loaded.settings.nvs.rpc, asked, how))


def _check_index(asked: Asked) -> None:
    if asked.index is not None and not asked.enumer:
        raise click.UsageError("--index is part of an enumer name, add --format enumer.")


def _wanted(
    voice: tuple[str, ...],
    sms: str | None,
    forward_to: tuple[str, ...],
    services: tuple[str, ...],
    ttl: int | None,
) -> WantedRecord:
    pairs = []
    for service in services:
        kind, _, uri = service.partition("=")
        pairs.append((kind, uri))
    try:
        return WantedRecord(voice, sms, forward_to, tuple(pairs), ttl)
    except InvalidRegistration as error:
        option = "--" + error.field.replace("_", "-")
        raise click.BadParameter(error.why, param_hint=option) from None


def _read(file: Path) -> bytes:
    """The value, a bit more than the chain takes at most.

    Raises:
        click.FileError: it cannot be read.
    """
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(MAX_VALUE_OCTETS + 1)
        with file.open("rb") as opened:
            return opened.read(MAX_VALUE_OCTETS + 1)
    except OSError as error:
        raise click.FileError(str(file), error.strerror or str(error)) from None
