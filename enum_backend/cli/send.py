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
    url = api_url(loaded)
    try:
        status, answer = run(_post(url, api_key(loaded), body))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        why = f"no answer from the server at {url} ({type(error).__name__}); "
        fail(why + "start it with: enum-backend serve", as_json=as_json)
    if status != 200:
        why = str(answer.get("detail", f"the server answered HTTP {status}"))
        fail(why, str(answer.get("error_code", "FAILED")), as_json=as_json)
    show(answer, as_json, lambda: _text(answer))


async def _post(url: str, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Status and JSON object.

    Raises:
        aiohttp.ClientError, TimeoutError: no server there.
        ValueError: something answers, but not in JSON objects.
    """
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT, headers=headers) as session,
        session.post(f"{url}/sms/send", json=body, allow_redirects=False) as response,
    ):
        answer = await response.json(content_type=None)
    if not isinstance(answer, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - as for other unusable answers
    return response.status, answer


def _text(answer: dict[str, Any]) -> str:
    return (
        f"{answer['message_id']}  {answer['status']}  gateway {answer['gateway']}, "
        f"{answer['segments']} segment(s) {answer['encoding']}"
    )
