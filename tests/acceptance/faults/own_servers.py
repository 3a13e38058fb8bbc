"""PostgreSQL and Redis of a test's own, to be crashed at will; the machine's are left alone."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from tests.ports import free_ports

CALL_SECONDS = 60.0
ACCOUNT = "postgres"
"""Runs PostgreSQL where we are root, which it refuses to be."""


def missing(what: str) -> NoReturn:
    """Skip this test for want of a program; fail it in CI."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{what} is needed in CI")
    pytest.skip(f"no {what}")


def postgres_programs() -> Path | None:
    """The folder of the newest PostgreSQL installed; None without any."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else None


class Postgres:
    """A cluster in a folder of its own."""

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self._programs = programs
        self._folder = folder
        self._port = port
        self._account = ACCOUNT if os.getuid() == 0 else None
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"

    async def create(self) -> None:
        """Make it and start it."""
        if self._account is not None:
            shutil.chown(self._folder, self._account)
        await self._run("initdb", "--auth=trust", "--username=postgres", "--no-sync")
        await self.start()

    async def crash(self) -> None:
        """Stop without a checkpoint, connections cut, and start again."""
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        """As a crash stops it; fine if it does not run."""
        if (self._folder / "cluster" / "postmaster.pid").exists():
            await self._run("pg_ctl", "stop", "--mode=immediate")

    def freeze(self) -> None:
        """SIGSTOP to all of it: no connection ends, and nothing is answered."""
        for process in self._processes():
            os.kill(process, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        for process in self._processes():
            os.kill(process, signal.SIGCONT)

    def _processes(self) -> list[int]:
        """The first one starts the others."""
        first = int((self._folder / "cluster" / "postmaster.pid").read_text().split()[0])
        others = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, others)]

    async def start(self) -> None:
        """Returns once it takes connections."""
        # -F: no fsync, as only processes are killed here, never the machine.
        options = f"-F -p {self._port} -h 127.0.0.1 -k {self._folder}"
        log = self._folder / "server.log"
        await self._run("pg_ctl", "start", "--wait", f"--log={log}", f"--options={options}")

    async def _run(self, program: str, *arguments: str) -> None:
        cluster = f"--pgdata={self._folder / 'cluster'}"
        command = [str(self._programs / program), *arguments, cluster]

        def run() -> None:
            subprocess.run(
                command,
                check=True,
                cwd=self._folder,
                user=self._account,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=CALL_SECONDS,
            )

        await asyncio.to_thread(run)


@asynccontextmanager
async def own_postgres(directory: Path | None = None) -> AsyncIterator[Postgres]:
    """A running one in a new folder of `directory`; gone afterwards."""
    programs = postgres_programs()
    if programs is None:
        missing("PostgreSQL in /usr/lib/postgresql")
    with tempfile.TemporaryDirectory(prefix="faults-", dir=directory) as folder:
        postgres = Postgres(programs, Path(folder), free_ports(1)[0])
        await postgres.create()
        try:
            yield postgres
        finally:
            await postgres.stop()


class Redis:
    """A server that keeps nothing."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self.url = f"redis://127.0.0.1:{port}/0"

    async def tell(self, *command: str) -> None:
        """One command without blanks in it; it must be answered with OK."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(f"{' '.join(command)}\r\n".encode())
        assert await reader.readline() == b"+OK\r\n"
        writer.close()

    async def start(self) -> None:
        """Returns once it answers."""
        self._process = await asyncio.create_subprocess_exec(
            *("redis-server", "--port", str(self._port), "--bind", "127.0.0.1"),
            *("--save", "", "--appendonly", "no", "--dir", str(self._folder)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(CALL_SECONDS):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return

    async def crash(self) -> None:
        """`kill -9`, away for a moment, and back with nothing in it."""
        await self.stop()
        await asyncio.sleep(0.5)
        await self.start()

    async def stop(self) -> None:
        """`kill -9`; fine if it does not run."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: no connection ends, and nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)


def shared_settings(postgres: Postgres, redis: Redis) -> str:
    """TOML of servers that share both, and the key their texts are sealed with."""
    key = b64encode(secrets.token_bytes(32)).decode()
    return (
        f'server_key = "{key}"\n[database]\nurl = "{postgres.url}"\n[redis]\nurl = "{redis.url}"\n'
    )


@asynccontextmanager
async def own_redis() -> AsyncIterator[Redis]:
    """A running one; gone afterwards."""
    if shutil.which("redis-server") is None:
        missing("redis-server")
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        redis = Redis(Path(folder), free_ports(1)[0])
        await redis.start()
        try:
            yield redis
        finally:
            await redis.stop()
