"""`enum-backend lookup N`: what the records say about a number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from enum_backend.cli.common import common_options, load, reports_errors, run, show
from enum_backend.errors import NotFound
from enum_backend.phone import lookup_digits
from enum_backend.settings import LoadedSettings
from enum_backend.setup.gateways import build_pool
from enum_backend.setup.records import build_directory
from enum_backend.web.routes.enum import record_json
from nvs.naptr import published, to_text


@click.command()
@click.argument("number")
@common_options
@reports_errors
def lookup(number: str, config_file: Path | None, as_json: bool) -> None:
    """Show a number's record, its trust and its NAPTRs."""
    loaded = load(config_file)
    answer = run(_lookup(loaded, number))
    show(answer, as_json, lambda: _text(answer))


async def _lookup(loaded: LoadedSettings, number: str) -> dict[str, Any]:
    digits = lookup_digits(number, loaded.settings.default_region)
    pool = build_pool(loaded)
    directory = build_directory(loaded.settings)
    try:
        record = await directory.record(f"+{digits}")
    finally:
        await directory.source.close()
        await pool.registry.close()
    if record is None:
        raise NotFound(f"There is no record for +{digits}.")
    answer = record_json(record, pool, private=True)
    naptrs = published(record, loaded.settings.dns.publish)
    return answer | {"naptr": [to_text(item) for item in naptrs]}


def _text(answer: dict[str, Any]) -> str:
    trust = answer["trust"]
    height = f", height {answer['height']}" if answer["height"] is not None else ""
    lines = [
        f"{answer['number']}  ({answer['e164_name']})",
        f"  trust   {trust['level']}: {trust['reason']}",
        f"  source  {answer['source']}{height}, TTL {answer['ttl']} s",
    ]
    if answer["stale_seconds"]:
        lines.append(f"  stale   kept for {answer['stale_seconds']} s, the node does not answer")
    lines += [
        f"  voice   {item['service']}  {item['uri'] or item['regexp']}" for item in answer["voice"]
    ]
    if sms := answer["sms"]:
        note = "" if sms["configured"] else "  (not configured here)"
        lines.append(f"  sms     {sms['gateway']} -> {sms['number']}{note}")
        lines += [f"  forward {target}" for target in sms["forward_to"]]
        lines += [f"  webhook {sms['webhook']}"] if sms["webhook"] else []
    lines += [f"  NAPTR   {item}" for item in answer["naptr"]] or ["  NAPTR   none published"]
    for entry in answer["entries"]:
        lines.append(f"  entry   {entry['name']}  [{entry['format']}, {entry['trust']['level']}]")
        if entry["trust"] != trust:
            lines.append(f"          {entry['trust']['reason']}")
        lines += [f"          ! {p['field']}: {p['message']}" for p in entry["problems"]]
    return "\n".join(lines)
