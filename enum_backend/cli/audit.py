"""`enum-backend audit ...`: who did what, whether it still stands there, and erasing people.

All of it works on the database itself, so it also works when the server is stopped, and
does not have to believe the server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import click

from enum_backend.audit import AuditEntry, AuditLog, AuditPage, Severity
from enum_backend.audit.chain import Head, Verdict
from enum_backend.audit.heads import HEAD_FILE, read_heads
from enum_backend.cli.common import common_options, fail, load, reports_errors, run, show
from enum_backend.cli.recording import done_here
from enum_backend.clock import rfc3339
from enum_backend.errors import SettingsError
from enum_backend.phone import normalize
from enum_backend.settings import Settings
from enum_backend.setup.places import database_url, prepare_data_dir
from enum_backend.storage import Sealer, open_database
from enum_backend.storage.database import is_shared
from enum_backend.storage.schema import revisions
from enum_backend.storage.sealing import load_server_key


@click.group()
def audit() -> None:
    """The audit log."""


@audit.command("list")
@click.option(
    "--severity", type=click.Choice(list(Severity), case_sensitive=False), help="Only this one."
)
@click.option("--type", "event_type", help="Only this event type, e.g. KEY_CREATED.")
@click.option("--user", "user_id", help="Only entries of this user id.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@common_options
@reports_errors
def list_entries(
    severity: Severity | None,
    event_type: str | None,
    user_id: str | None,
    limit: int,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """List the newest entries, newest first."""

    async def work(settings: Settings) -> AuditPage:
        async with _opened(settings) as log:
            return await log.page(
                limit=limit,
                newest_first=True,
                severity=severity,
                event_type=event_type,
                user_id=user_id,
            )

    found = run(work(load(config_file).settings))
    document = {"entries": [entry.document for entry in found.entries], "next": found.next}
    show(document, as_json, lambda: "\n".join(map(_line, found.entries)) or "no entries")


@audit.command()
@click.option("--head", "heads", multiple=True, help="NUMBER:MAC that `audit head` printed once.")
@click.option(
    "--head-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=f"A copy of {HEAD_FILE}; default the one in data_dir.",
)
@common_options
@reports_errors
def verify(
    heads: Sequence[str], head_file: Path | None, config_file: Path | None, as_json: bool
) -> None:
    """Recompute the chain; exit code 1 if an entry was changed, moved or removed.

    That entries were cut off at the end shows only against a head that was kept
    elsewhere: give it with --head or --head-file. The file in data_dir also keeps heads
    that a running server missed; remove it once you know why.
    """
    settings = load(config_file).settings
    anchors = [_head(text) for text in heads]
    file = head_file or settings.data_dir / HEAD_FILE
    exported = read_heads(file)
    anchors += exported
    if head_file is not None and not exported:
        fail(f"--head-file: {file} holds no head", as_json=as_json)

    async def work() -> Verdict:
        async with _opened(settings) as log:
            return await log.verify(anchors)

    verdict = run(work())
    document = {
        "success": verdict.holds,
        "entries": verdict.entries,
        "waiting": verdict.waiting,
        "head": str(verdict.head),
        "compared_with": [str(head) for head in anchors],
        "faults": [
            {"seq": fault.seq, "id": fault.entry_id, "problem": fault.problem}
            for fault in verdict.faults
        ],
    }
    show(document, as_json, lambda: _verdict(verdict, len(anchors)))
    raise SystemExit(0 if verdict.holds else 1)


@audit.command()
@common_options
@reports_errors
def head(config_file: Path | None, as_json: bool) -> None:
    """Print the end of the chain, to be kept where this machine cannot change it."""

    async def work(settings: Settings) -> Head:
        async with _opened(settings) as log:
            await log.page(limit=1)  # what waits gets its place
            return await log.head()

    there = run(work(load(config_file).settings))
    show({"head": str(there), "seq": there.seq}, as_json, lambda: str(there))


@audit.command()
@click.argument("identifiers", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@common_options
@reports_errors
def erase(identifiers: Sequence[str], yes: bool, config_file: Path | None, as_json: bool) -> None:
    """Forget a person: user id, e-mail addresses, phone numbers, client addresses.

    The user id takes along what was recorded together with it. The entries stay, with
    pseudonyms that stand for nobody any more; this cannot be undone.
    """
    settings = load(config_file).settings
    if not yes:
        click.confirm("Erase this person from the audit log for good?", abort=True, err=True)
    event = done_here("PERSON_ERASED", "A person's data was erased from the audit log.")
    wanted = [_identifier(text, settings) for text in identifiers]

    async def work() -> int:
        async with _opened(settings) as log:
            return await log.erase(*wanted, by=event)

    erased = run(work())
    show({"success": True, "erased": erased}, as_json, lambda: f"{erased} values are erased")


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[AuditLog]:
    """The log in the server's database.

    Raises:
        SettingsError: it cannot be opened, or has not this version's tables.
    """
    data_dir, url = prepare_data_dir(settings), database_url(settings)
    current, newest = revisions(url)
    if current != newest:
        raise SettingsError("database.url: not this version's schema: enum-backend db upgrade")
    configured = settings.server_key.get_secret_value()
    if not configured and not (data_dir / "server.key").exists():
        where = "server_key" if is_shared(url) else f"{data_dir / 'server.key'}"
        raise SettingsError(f"{where}: there is no server key, so nothing can be verified")
    database = open_database(url)
    try:
        yield AuditLog(database, Sealer(load_server_key(configured, data_dir)))
    finally:
        await database.close()


def _head(text: str) -> Head:
    try:
        return Head.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--head") from None


def _identifier(text: str, settings: Settings) -> str:
    """A phone number as it was recorded; anything else as it is."""
    text = text.strip()
    return normalize(text, settings.default_region) if text.startswith("+") else text


def _line(entry: AuditEntry) -> str:
    who = entry.metadata.get("adminEmail") or entry.metadata.get("adminId") or entry.user_id or "-"
    head = f"{entry.seq:>6}  {rfc3339(entry.created_at)}  {entry.severity:<6}  {entry.event_type}"
    return f"{head}  {who}  {entry.description}"


def _verdict(verdict: Verdict, heads: int) -> str:
    lines = [str(fault) for fault in verdict.faults]
    waiting = f", {verdict.waiting} not sealed yet" if verdict.waiting else ""
    result = "the chain holds" if verdict.holds else "the audit log was altered"
    against = f"compared with {heads} exported head{'' if heads == 1 else 's'}"
    if not heads:
        against = "no exported head to compare with: a cut end would not show"
    return "\n".join([*lines, f"{result}: {verdict.entries} entries{waiting}; {against}"])
