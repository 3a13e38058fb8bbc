"""`enum-backend send TO TEXT`: one SMS through the running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import click

from enum_backend.cli.common import (
    api_key,
    api_url,
    common_options,
    fail,
    load,
    reports_errors,
    run,
    show,
)
from enum_backend.errors import SettingsError

TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)


@click.command()
@click.argument("to")
@click.argument("text")
@click.option("--gateway", help="Gateway to insist on.")
@click.option("--from", "sender", help="Number to send from.")
@click.option("--client-reference", help="Makes a repeat of this command harmless.")
@common_options
@reports_errors
def send(
    to: str,
    text: str,
    gateway: str | None,
    sender: str | None,
    client_reference: str | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Send an SMS through the running server."""
    loaded = load(config_file)
    wanted = {
        "to": to,
        "message": text,
        "gateway": gateway,
        "from": sender,
        "client_reference": client_reference,
    }
    body = {name: value for name, value in wanted.items() if value is not None}
    status, answer = run(_post(api_url(loaded), api_key(loaded), body))
    if status != 200:
        fail(answer.get("detail", "refused"), answer.get("error_code", "FAILED"), as_json=as_json)
    show(answer, as_json, lambda: _text(answer))


async def _post(url: str, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, headers=headers) as session,
            session.post(f"{url}/sms/send", json=body) as response,
        ):
            return response.status, await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise SettingsError(
            f"no answer from the server at {url} ({type(error).__name__}); "
            "start it with: enum-backend serve"
        ) from None


def _text(answer: dict[str, Any]) -> str:
    return (
        f"{answer['message_id']}  {answer['status']}  gateway {answer['gateway']}, "
        f"{answer['segments']} segment(s) {answer['encoding']}"
    )
