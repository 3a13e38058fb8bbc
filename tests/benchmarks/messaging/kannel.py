"""Kannel 1.4.5: bearerbox and smsbox with an HTTP SMSC that points at the sink.

Debian's settings name no store, so what is accepted lives in memory until it is
sent. With `store="spool"` each message is a file until then, never flushed to
the disk; with `store="file"` all of them are written every ten seconds.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote_plus

from tests.benchmarks.messaging.load import Address
from tests.benchmarks.messaging.system import TEXT, Kind, Unavailable, requests
from tests.ports import free_ports

Store = Literal["none", "spool", "file"]
STORES: dict[Store, Kind] = {
    "none": Kind("Kannel", "none: accepted messages live in memory (as Debian ships it)"),
    "spool": Kind("Kannel, spool", "one file per message, not flushed: survives a crash of Kannel"),
    "file": Kind("Kannel, file", "written every 10 s, not flushed"),
}
START_SECONDS = 20.0
_READY = {"bearerbox": "entering mainloop", "smsbox": "Connected to bearerbox"}
"""Programs in order, and the line of the log that says that one runs."""
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"

_SETTINGS = """
group = core
admin-port = {admin}
admin-password = benchmark
smsbox-port = {box}
box-allow-ip = 127.0.0.1
log-file = {folder}/bearerbox.log
log-level = 1
access-log = {folder}/access.log
{store}

group = smsc
smsc = http
smsc-id = sink
system-type = kannel
smsc-username = benchmark
smsc-password = benchmark
port = {inbound}
send-url = {sink}/cgi-bin/sendsms

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
global-sender = 15550000000
log-file = {folder}/smsbox.log
log-level = 1

group = sendsms-user
username = benchmark
password = benchmark
max-messages = 1
"""


@dataclass(frozen=True)
class Kannel:
    """A running pair."""

    addresses: list[Address]
    pids: list[int]

    def request(self, number: str) -> bytes:
        """See `System`."""
        target = (
            "/cgi-bin/sendsms?username=benchmark&password=benchmark"
            f"&to=%2B{number}&text={quote_plus(TEXT)}"
        )
        return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


@asynccontextmanager
async def kannel(folder: Path, sink_url: str, store: Store = "none") -> AsyncIterator[Kannel]:
    """Start it in an empty folder.

    Raises:
        Unavailable: it is not installed.
    """
    for program in _READY:
        if shutil.which(program, path=_PATH) is None:
            raise Unavailable(f"no {program}: apt install kannel")
    admin, box, inbound, sendsms = free_ports(4)
    stored = folder / "store"
    if store == "spool":
        stored.mkdir()
    settings = folder / "kannel.conf"
    settings.write_text(
        _SETTINGS.format(
            admin=admin,
            box=box,
            inbound=inbound,
            sendsms=sendsms,
            folder=folder,
            sink=sink_url,
            store="" if store == "none" else f"store-type = {store}\nstore-location = {stored}",
        )
    )
    async with AsyncExitStack() as stack:
        pids = []
        for program, line in _READY.items():
            pids.append(await stack.enter_async_context(_running(program, settings)))
            await _logged(folder / f"{program}.log", line)
        running = Kannel([("127.0.0.1", sendsms)], pids)
        await _accepting(running)
        yield running


@asynccontextmanager
async def _running(program: str, settings: Path) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        shutil.which(program, path=_PATH) or program,
        str(settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        # A polite stop first sends what is queued, which nobody waits for here.
        process.kill()
        await process.wait()


async def _logged(log: Path, line: str) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not log.is_file() or line not in log.read_text("utf-8", "replace"):
            await asyncio.sleep(0.02)


async def _accepting(running: Kannel) -> None:
    """One message: bearerbox may take a second to notice smsbox."""
    async with asyncio.timeout(START_SECONDS):
        reader, writer = await asyncio.open_connection(*running.addresses[0])
        writer.write(next(requests(running)))
        answer = await reader.readline()
        writer.close()
    if not answer.startswith(b"HTTP/1.1 202"):
        raise Unavailable(f"Kannel does not accept messages: {answer!r}")
