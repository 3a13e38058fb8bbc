"""`enum-backend demo`: the whole round trip on free ports, by itself."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
import click
import dns.asyncquery
import dns.exception
import dns.message

from enum_backend.app import Server
from enum_backend.cli.common import common_options, reports_errors, run, show
from enum_backend.cli.serve import SAMPLE_NUMBER, ensure_cli_key
from enum_backend.logs import configure_logging
from enum_backend.settings import load_settings
from nvs.names import to_e164_name

TEXT = "Your code is 482915"
WAIT_SECONDS = 10.0


class DemoFailed(Exception):
    """A step did not do what it should."""


@click.command()
@common_options
@reports_errors
def demo(config_file: Path | None, as_json: bool) -> None:
    """Start a simulated server on free ports, look a number up, send it an SMS, stop."""
    del config_file
    configure_logging("ERROR")
    steps: list[dict[str, Any]] = []
    try:
        run(_demo(steps, quiet=as_json))
    except (DemoFailed, aiohttp.ClientError, dns.exception.DNSException, TimeoutError) as error:
        steps.append({"step": "failed", "ok": False, "shows": str(error) or type(error).__name__})
        if not as_json:
            click.echo(f"FAILED: {steps[-1]['shows']}", err=True)
    ok = all(step["ok"] for step in steps)
    show({"success": ok, "steps": steps}, as_json, lambda: "All of it works." if ok else "")
    sys.exit(0 if ok else 1)


async def _demo(steps: list[dict[str, Any]], *, quiet: bool) -> None:
    def done(step: str, shows: str) -> None:
        steps.append({"step": step, "ok": True, "shows": shows})
        if not quiet:
            click.echo(f"{step:<22} {shows}")

    with tempfile.TemporaryDirectory(prefix="enum-backend-demo-") as folder:
        flags = {
            ("mode",): "simulation",
            ("data_dir",): folder,
            ("http", "port"): 0,
            ("dns", "port"): 0,
        }
        async with Server(load_settings(environment={}, flags=flags)) as server:
            path, _ = await ensure_cli_key(server)
            headers = {"Authorization": f"Bearer {path.read_text('ascii').strip()}"}
            timeout = aiohttp.ClientTimeout(total=WAIT_SECONDS)
            async with aiohttp.ClientSession(
                server.http_url, headers=headers, timeout=timeout
            ) as http:
                done("DNS NAPTR", await _naptr(server))
                record = await _json(http.get(f"/enum/{SAMPLE_NUMBER}"))
                done("HTTP /enum", f"{record['sms']['provider']} carries {record['sms']['number']}")
                sent = await _json(
                    http.post("/sms/send", json={"to": SAMPLE_NUMBER, "message": TEXT})
                )
                done("SMS accepted", f"{sent['message_id']} ({sent['segments']} segment)")
                await _delivered(http, sent["message_id"])
                done("simulated handset", _arrived(server, TEXT))
                for extension in server.extensions:
                    for title, line in await extension.start_lines(
                        server.services, server.http_url
                    ):
                        done(extension.name, f"{title}: {line.split('?')[0].rsplit('/', 1)[0]}/...")


async def _naptr(server: Server) -> str:
    query = dns.message.make_query(to_e164_name(SAMPLE_NUMBER), "NAPTR")
    answer = await dns.asyncquery.udp(
        query, server.settings.dns.host, timeout=WAIT_SECONDS, port=server.dns_port
    )
    if not answer.answer:
        raise DemoFailed(f"DNS answered {dns.rcode.to_text(answer.rcode())} without a record")
    return str(answer.answer[0][0])


async def _json(request: Any) -> dict[str, Any]:
    async with request as response:
        body: dict[str, Any] = await response.json(content_type=None)
        if response.status != 200:
            raise DemoFailed(f"HTTP {response.status}: {body.get('detail', body)}")
        return body


async def _delivered(http: aiohttp.ClientSession, message_id: str) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            view = await _json(http.get(f"/sms/status/{message_id}"))
            if view["status"] == "delivered":
                return
            await asyncio.sleep(0.02)


def _arrived(server: Server, text: str) -> str:
    for sms in server.services.pool.simulator.messages:
        if sms.text == text:
            return f"{sms.to} reads: {sms.text}"
    raise DemoFailed("the simulated handset got nothing")
