"""`enum-backend serve`: the server, and the lines a user copies first."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import secrets
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from enum_backend.access import SCOPES
from enum_backend.accounts.first_admin import FIRST_ADMIN_PATH
from enum_backend.app import Server
from enum_backend.cli.common import cli_key_file, common_options, load, reports_errors
from enum_backend.cli.recording import created_here
from enum_backend.errors import Unauthorized
from enum_backend.gateways.simulator import SimulatedSms
from enum_backend.settings import LoadedSettings
from enum_backend.setup.places import local_address
from nvs.names import to_e164_name

YOUNG_OBJECTS = 10_000
"""New objects after which the collector looks at them: a few dozen requests' worth."""

SAMPLE_NUMBER = "+14155551234"


@click.command()
@common_options
@click.option("--http-port", "--port", type=int, help="HTTP port (0 = any free one).")
@click.option("--dns-port", type=int, help="DNS port, UDP and TCP (0 = any free one).")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Database, keys, locks.")
@reports_errors
def serve(
    config_file: Path | None,
    as_json: bool,
    http_port: int | None,
    dns_port: int | None,
    data_dir: Path | None,
) -> None:
    """Answer ENUM over DNS and HTTP, and send SMS."""
    flags: dict[tuple[str, ...], Any] = {}
    if http_port is not None:
        flags["http", "port"] = http_port
    if dns_port is not None:
        flags["dns", "port"] = dns_port
    if data_dir is not None:
        flags["data_dir",] = str(data_dir)
    loaded = load(config_file, flags, quiet=False)
    run_loop(_serve(loaded, as_json=as_json))


def run_loop(work: Any) -> None:
    """Run on uvloop where it exists."""
    if sys.platform == "win32":
        asyncio.run(work)
    else:
        import uvloop

        uvloop.run(work)


async def _serve(loaded: LoadedSettings, *, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Server(loaded) as server:
        key_file, new_key = await ensure_cli_key(server)
        first_admin = await first_admin_url(server)
        if as_json:
            click.echo(json.dumps(await start_document(server, key_file, first_admin)))
        else:
            click.echo("\n".join(await start_lines(server, key_file, new_key, first_admin)))
        sys.stdout.flush()
        if sys.stdout.isatty() and server.services.pool.mode == "simulation":
            server.services.pool.simulator.on_message(_show_simulated)
        with settled_memory():
            await stop.wait()


@contextlib.contextmanager
def settled_memory() -> Iterator[None]:
    """Spare the collector what the start has made: it lives as long as the server, and to
    look through it took 50 ms each time, in which nobody was answered."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _show_simulated(sms: SimulatedSms) -> None:
    """Let a user at a terminal see what a handset would show; never in files or journals."""
    click.echo(f"  [simulated handset {sms.to}] {sms.text}")


async def ensure_cli_key(server: Server) -> tuple[Path, str | None]:
    """The key of this machine's clients; made at first start, or when it no longer works.

    Returns:
        Its file, and the key itself only when it is new.
    """
    path = cli_key_file(server.loaded).resolve()
    try:
        await server.services.keys.authenticate(path.read_text("ascii").strip())
    except (OSError, UnicodeDecodeError, Unauthorized):
        name = "command line of this machine"
        _, token = await server.services.keys.create(
            name, SCOPES, note=created_here(server.services.audit)
        )
        temporary = path.with_name(f".cli-key.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token + "\n")
        temporary.replace(path)
        return path, token
    return path, None


async def first_admin_url(server: Server) -> str | None:
    """The page that makes the first admin, with its one-time token; None = there is one."""
    token = await server.services.accounts.first_admin.offer()
    base = server.settings.public_base_url or server.http_url
    return f"{base}{FIRST_ADMIN_PATH}?token={token}" if token else None


async def start_document(
    server: Server, key_file: Path, first_admin: str | None = None
) -> dict[str, Any]:
    """What `serve --json` prints, in one line, once requests are answered."""
    base = server.settings.public_base_url or server.http_url
    return {
        "mode": server.services.pool.mode,
        "http_url": server.http_url,
        "dns": {"host": local_address(server.settings.dns.host), "port": server.dns_port},
        "api_key_file": str(key_file),
        "first_admin_url": first_admin,
        "pid": os.getpid(),
        "extensions": {
            extension.name: [
                {"title": title, "line": line}
                for title, line in await extension.start_lines(server.services, base)
            ]
            for extension in server.extensions
        },
    }


async def start_lines(
    server: Server, key_file: Path, new_key: str | None, first_admin: str | None = None
) -> Sequence[str]:
    """What to copy first: every line works as it stands, from any folder."""
    settings, url = server.settings, server.http_url
    dns_host = local_address(settings.dns.host)
    key = f"$(cat {shlex.quote(str(key_file))})"
    body = f'{{"to": "{SAMPLE_NUMBER}", "message": "Your code is 123456"}}'
    named = to_e164_name(SAMPLE_NUMBER)
    live = server.services.pool.mode == "live"
    warning = " (this sends a real one)" if live else ""
    lines = [
        "",
        f"enum-backend runs in {server.services.pool.mode} mode. Try:",
        "",
        "  # the number's record over DNS",
        f"  dig @{dns_host} -p {server.dns_port} NAPTR {named} +short",
        "",
        "  # and over HTTP",
        f"  curl -s {url}/enum/{SAMPLE_NUMBER}",
        "",
        f"  # an SMS through the gateway the record names{warning}",
        f'  curl -s {url}/sms/send -H "Authorization: Bearer {key}" '
        f"-H 'Content-Type: application/json' -d '{body}'",
        "",
    ]
    base = settings.public_base_url or url
    for extension in server.extensions:
        for title, line in await extension.start_lines(server.services, base):
            lines += [f"  # {title}", f"  {line}", ""]
    if new_key is not None:
        lines += [f"  API key (shown once, kept in {key_file}): {new_key}", ""]
    else:
        lines += [f"  The API key is in {key_file}", ""]
    if first_admin is not None:
        lines += [f"  Make the first admin (works once, within 24 hours): {first_admin}", ""]
    lines.append(f"  API documents: {url}/docs    Stop: Ctrl-C")
    return [*lines, ""]
