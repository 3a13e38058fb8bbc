"""What `register`, `update` and `delete` do: prepare, refuse, print or ask, send, wait."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any

import click

from enum_backend.cli.common import fail, show
from enum_backend.cli.lint import finding_json
from enum_backend.cli.registration_asked import Asked, Prepared, prepare
from enum_backend.cli.registration_text import ProgressLine, preview_json, preview_text, warn
from enum_backend.errors import SettingsError
from enum_backend.settings.models import RpcSettings
from nvs.consent import Consent
from nvs.errors import NvsUnavailable
from nvs.lint import Finding, Severity
from nvs.names import enumer_index
from nvs.registration import (
    InvalidRegistration,
    Kind,
    NameState,
    Operation,
    Pace,
    Preview,
    Registrar,
    RegistrationRefused,
    preview,
    shell_lines,
    wait_confirmed,
)
from nvs.rpc import RpcClient

UNSIGNED_NEW = (
    "the owner is in trust.owners: it has to sign what it says, and a registration is signed by"
    " whose coins pay; where that is another address it is not trusted yet, run `update` once"
)

WALLET_SECONDS = 30.0
"""A wallet with many coins takes longer to answer than a look-up does."""

INTERVAL = 5.0
"""Seconds between two looks while waiting for a block."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How: print only, without asking, waiting ... `value_on_stdin`: nobody can be asked.

    `listed`: owner addresses of the settings that must have signed.
    """

    as_json: bool = False
    print_only: bool = False
    yes: bool = False
    wait: bool = False
    timeout: float = 0.0
    value_on_stdin: bool = False
    listed: frozenset[str] = frozenset()


async def perform(rpc: RpcSettings, asked: Asked, manner: Manner) -> None:
    """Do it; refusals exit with 1."""
    async with _client(rpc, patient=not manner.print_only) as node:
        registrar = Registrar(node)
        prepared = await prepare(registrar, asked, offline=manner.print_only)
        if asked.kind is Kind.NEW and asked.address in manner.listed:
            prepared.notes.append(UNSIGNED_NEW)
        shown = preview(prepared.operation, prepared.findings)
        if shown.errors:
            _refuse(shown, manner)
        if manner.print_only:
            await _print(registrar, shown, prepared, manner)
        else:
            await _send(registrar, shown, prepared, manner)


def _client(rpc: RpcSettings, *, patient: bool) -> RpcClient:
    timeout = max(rpc.timeout, WALLET_SECONDS) if patient else rpc.timeout
    try:
        return RpcClient.from_url(
            rpc.url.get_secret_value(), cookie_file=rpc.cookie_file, timeout=timeout
        )
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _refuse(shown: Preview, manner: Manner) -> None:
    if manner.as_json:
        document = {
            "success": False,
            "error": "The linter found errors, nothing was sent.",
            "error_code": RegistrationRefused.error_code,
            "findings": [finding_json(item) for item in shown.findings],
        }
        show(document, True, str)
        sys.exit(1)
    warn(shown.findings, ())
    shown.refuse_errors()


async def _print(registrar: Registrar, shown: Preview, prepared: Prepared, manner: Manner) -> None:
    """The lines for a shell. The node is asked for the present owner of an update only."""
    operation = prepared.operation
    if operation.kind is Kind.UPDATE and not operation.address:
        try:
            state = await registrar.state(operation.name)
        except NvsUnavailable as error:
            prepared.notes.append(f"the present owner's address could not be read ({error})")
        else:
            operation = replace(operation, address=state.address)
            if not state.live:
                prepared.notes.append("the node says that the name is not active")
    lines = shell_lines(operation)
    if manner.as_json:
        document = preview_json(replace(shown, operation=operation), NameState(), prepared.notes)
        show({"success": True, "commands": list(lines), **document}, True, str)
        return
    warn(shown.findings, prepared.notes)
    click.echo("\n".join(lines))


async def _send(registrar: Registrar, shown: Preview, prepared: Prepared, manner: Manner) -> None:
    if manner.as_json and not manner.yes:
        raise RegistrationRefused("--json never asks: add --yes to send, or --print")
    if manner.value_on_stdin and not manner.yes:
        raise RegistrationRefused(
            "the value came by standard input, so nobody can be asked: add --yes, or --print"
        )
    state = await registrar.check(shown.operation)
    shown = await _completed(registrar, shown, prepared, state)
    if shown.errors:
        _refuse(shown, manner)
    operation = shown.operation
    notes = [*prepared.notes, *state.notes]
    if not manner.as_json:
        click.echo(preview_text(shown, state, notes))
    if not manner.yes and not click.confirm(f"Send {operation.kind} now?"):
        fail("nothing was sent", RegistrationRefused.error_code)
    txid = await registrar.submit(operation)
    answer: dict[str, Any] = {"success": True, **preview_json(shown, state, notes), "txid": txid}
    if not manner.as_json:
        click.echo(f"sent, transaction {txid}")
    if manner.wait:
        answer |= await _wait(registrar, operation, txid, state, manner)
    show(answer, manner.as_json, lambda: _outcome(answer))


async def _completed(
    registrar: Registrar, shown: Preview, prepared: Prepared, state: NameState
) -> Preview:
    """Keep the owner, and look at the number's other names."""
    operation = shown.operation
    if operation.kind is Kind.UPDATE and not operation.address:
        if not state.address:
            raise InvalidRegistration("address", "the owner's is not known, say --to-address")
        operation = replace(operation, address=state.address)
    findings = shown.findings
    index = enumer_index(operation.name)
    if index is not None:
        number = operation.name.split(":")[1]
        live = await registrar.live_indexes(number, index + 2)
        if operation.kind is Kind.DELETE and live > index + 1:
            prepared.notes.append(f"enum:{number}:{index + 1} and later ones will not be read then")
        elif live < index:
            message = f"would never be read: enum:{number}:{live} before it is missing"
            gap = Finding("gap", Severity.ERROR, operation.name, "name", message, ("EmerDNS",))
            if operation.kind is not Kind.DELETE:
                findings = (gap, *findings)
    return replace(shown, operation=operation, findings=findings)


async def _wait(
    registrar: Registrar, operation: Operation, txid: str, before: NameState, manner: Manner
) -> dict[str, Any]:
    progress = ProgressLine()
    try:
        confirmed = await wait_confirmed(
            registrar,
            operation,
            txid,
            before,
            pace=Pace(timeout=manner.timeout, interval=INTERVAL),
            on_progress=progress,
        )
    finally:
        progress.close()
    answer = {
        "confirmed": True,
        "address": confirmed.address,
        "expires_at": confirmed.expires_at,
    }
    if confirmed.address in manner.listed:
        answer["signed"] = await _signed(registrar, operation)
    return answer


async def _signed(registrar: Registrar, operation: Operation) -> bool | None:
    """Whether the owner signed the name as it is now, None where the node cannot tell."""
    try:
        consent = await registrar.consent(await registrar.state(operation.name))
    except NvsUnavailable:
        return None
    return {Consent.SIGNED: True, Consent.UNSIGNED: False}.get(consent)


def _outcome(answer: dict[str, Any]) -> str:
    if "confirmed" not in answer:
        return "It counts once a block has it; --wait waits for that."
    if answer["operation"] == Kind.DELETE:
        return "confirmed: the name is free"
    line = f"confirmed: owner {answer['address']}, until block {answer['expires_at']}"
    if answer.get("signed", True):
        return line
    if answer["signed"] is None:
        return f"{line}\nwhether the owner signed it could not be found out, see `lookup`"
    return f"{line}\nnot yet trusted, as another address paid: run `update` once, with --days 1"
