"""`enum-backend sync [--verify]`: bring the mirror in step with the node, or compare them."""

from __future__ import annotations

import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click

from enum_backend.cli.common import common_options, load, reports_errors, run, show
from enum_backend.settings import LoadedSettings
from enum_backend.setup.places import prepare_data_dir
from enum_backend.setup.records import build_mirror
from nvs.mirror import Difference, Mirror, Stored


@click.command()
@click.option("--verify", is_flag=True, help="Compare every name with the node; repair nothing.")
@common_options
@reports_errors
def sync(verify: bool, config_file: Path | None, as_json: bool) -> None:
    """Read all names into the mirror, or what is new; may be interrupted at any time.

    With --verify, print every difference and exit with 1 if there is one.
    The server must not be running: it keeps its mirror in step by itself.
    """
    loaded = load(config_file)
    prepare_data_dir(loaded.settings)
    document = run(_verify(loaded) if verify else _sync(loaded))
    show(document, as_json, lambda: _text(document))
    sys.exit(0 if document["success"] else 1)


async def _sync(loaded: LoadedSettings) -> dict[str, Any]:
    bar = _Bar()
    async with build_mirror(loaded.settings) as mirror:
        await mirror.sync(bar.show)
        bar.done()
        return {"success": True, **_facts(mirror)}


async def _verify(loaded: LoadedSettings) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    async with build_mirror(loaded.settings) as mirror:
        await mirror.sync()
        async with aclosing(mirror.verify()) as differences:
            async for difference in differences:
                found.append(_json(difference))  # noqa: PERF401 - aclosing needs the loop
        return {"success": not found, "differences": found, **_facts(mirror)}


def _facts(mirror: Mirror) -> dict[str, Any]:
    facts = mirror.reader().status().facts
    return {
        name: facts.get(name) for name in ("height", "tip", "names", "numbers", "skipped_names")
    }


def _json(difference: Difference) -> dict[str, Any]:
    return {
        "name": difference.name,
        "mirror": _side(difference.mirror),
        "node": _side(difference.node),
    }


def _side(stored: Stored | None) -> dict[str, Any] | None:
    if stored is None:
        return None
    return {
        "owner": stored.address,
        "expires_at": stored.expires_at,
        "registered_at": stored.registered_at,
        "signer": stored.consent.name.lower(),
        "octets": len(stored.value),
    }


def _text(document: dict[str, Any]) -> str:
    lines = [f"height {document['height']}  {document['tip']}"]
    lines.append(
        f"{document['names']} names of {document['numbers']} numbers, "
        f"{document['skipped_names']} skipped"
    )
    if "differences" in document:
        lines += [
            f"  {item['name']}: mirror {item['mirror']}, node {item['node']}"
            for item in document["differences"]
        ]
        lines.append("mirror and node agree" if document["success"] else "they differ")
    return "\n".join(lines)


class _Bar:
    """Progress on standard error; only a terminal sees it move."""

    def __init__(self) -> None:
        self._moves = sys.stderr.isatty()

    def show(self, done: int, total: int) -> None:
        """`done` names of the `total` known so far."""
        if self._moves:
            filled = 30 * done // max(total, 1)
            bar = "#" * filled + "-" * (30 - filled)
            click.echo(f"\r[{bar}] {done}/{total} names", nl=False, err=True)

    def done(self) -> None:
        """End the line."""
        if self._moves:
            click.echo(err=True)
