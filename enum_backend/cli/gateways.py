"""`enum-backend gateways webhooks`: where phones of our own report, and telling them where."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from enum_backend.cli.common import common_options, fail, load, reports_errors, run, show
from enum_backend.gateways.android import AndroidGateway
from enum_backend.gateways.base import GatewayError
from enum_backend.settings import LoadedSettings, Settings
from enum_backend.setup.gateways import build_pool
from enum_backend.setup.phones import phone_gateways, webhook_address

ASK_SECONDS = 60.0
"""Longest wait for all phones of one gateway."""


@click.group()
def gateways() -> None:
    """Configured gateways."""


@gateways.command()
@click.option("--gateway", help="One gateway; default all of phones.")
@click.option("--register", "register", is_flag=True, help="Tell the phones to report here.")
@common_options
@reports_errors
def webhooks(gateway: str | None, register: bool, config_file: Path | None, as_json: bool) -> None:
    """Where the phones of Android gateways report; exit code 1 if one does not report here.

    A running server registers its webhooks by itself.
    """
    loaded = load(config_file)
    if not loaded.settings.public_base_url:
        fail("public_base_url is not set: phones cannot reach this server", as_json=as_json)
    document = run(_document(loaded, gateway, register=register))
    if not document["gateways"]:
        fail("no such gateway of phones is configured", as_json=as_json)
    show(document, as_json, lambda: _text(document))
    raise SystemExit(0 if document["success"] else 1)


async def _document(loaded: LoadedSettings, name: str | None, *, register: bool) -> dict[str, Any]:
    pool = build_pool(loaded)
    try:
        chosen = [item for item in phone_gateways(pool) if name in (None, item.name)]
        asked = await asyncio.gather(
            *(_asked(item, loaded.settings, register=register) for item in chosen)
        )
    finally:
        await pool.registry.close()
    well = all(not item["error"] and _complete(item) for item in asked)
    return {"success": well, "gateways": list(asked)}


async def _asked(gateway: AndroidGateway, settings: Settings, *, register: bool) -> dict[str, Any]:
    url = webhook_address(settings, gateway)
    answer: dict[str, Any] = {"gateway": gateway.name, "url": url, "phones": [], "error": None}
    try:
        async with asyncio.timeout(ASK_SECONDS):
            if register:
                await gateway.register_webhooks(url)
            answer["phones"] = [
                {
                    "phone": phone.phone or str(place),
                    "registered": list(phone.registered),
                    "missing": list(phone.missing),
                    "elsewhere": list(phone.elsewhere),
                }
                for place, phone in enumerate(await gateway.webhooks(url), 1)
            ]
    except GatewayError as error:
        answer["error"] = str(error)
    except TimeoutError:
        answer["error"] = "no answer in time"
    return answer


def _complete(answer: dict[str, Any]) -> bool:
    return not any(phone["missing"] for phone in answer["phones"])


def _text(document: dict[str, Any]) -> str:
    lines = []
    for gateway in document["gateways"]:
        lines.append(f"{gateway['gateway']}: {gateway['error'] or gateway['url']}")
        for phone in gateway["phones"]:
            told = f"lacks {', '.join(phone['missing'])}" if phone["missing"] else "reports here"
            others = f"; also to {', '.join(phone['elsewhere'])}" if phone["elsewhere"] else ""
            lines.append(f"  {phone['phone']}: {told}{others}")
    return "\n".join(lines)
