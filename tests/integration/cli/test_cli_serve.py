"""`serve`: the printed lines work as they stand, and it ends when it should."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import shutil
import signal
import stat
import threading
import time
from pathlib import Path

import aiohttp
import pytest

from enum_backend.app import Server
from enum_backend.cli.serve import (
    YOUNG_OBJECTS,
    ensure_cli_key,
    run_loop,
    settled_memory,
    start_lines,
)
from enum_backend.settings import load_settings
from tests.integration.cli.conftest import Invoke, document
from tests.serving import PROGRAM, enum_backend, environment, serving


def lacking(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"not installed: {missing}")
    if missing:
        pytest.skip(f"not installed: {missing}")


async def bash(line: str, cwd: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", line, cwd=cwd, env=environment(), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, line
    return output.decode()


async def test_printed_lines_work_from_another_folder(folder: Path) -> None:
    lacking("bash", "dig", "curl")
    home, elsewhere = folder / "it's a home", folder / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("serve", "--port", "0", "--dns-port", "0", "--data-dir", "the data"),
        cwd=home,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        printed = (await asyncio.wait_for(process.stdout.readuntil(b"Ctrl-C\n"), 30)).decode()
        lines = [line.strip() for line in printed.splitlines()]
        (dig,) = [line for line in lines if line.startswith("dig ")]
        lookup, send = [line for line in lines if line.startswith("curl ")]
        (shim,) = [line for line in lines if line.startswith("http://")]
        assert "runs in simulation mode" in printed
        assert '"E2U+sip"' in await bash(dig, elsewhere)
        assert json.loads(await bash(lookup, elsewhere))["number"] == "+14155551234"
        assert json.loads(await bash(send, elsewhere))["success"] is True
        url = shim.replace("{{phone}}", "%2B1%20415-555.0101").replace("{{message}}", "a%20code")
        shown = await bash(f"curl -s -o /dev/null -w '%{{http_code}}' '{url}'", elsewhere)
        assert shown == "200"
        key_file = home / "the data" / "cli-key"
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        key = key_file.read_text().strip()
        assert f"{key}" in printed
        started = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 15) == 0
        assert time.monotonic() - started < 5
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_second_start_keeps_key_and_url_and_shows_the_key_no_more(folder: Path) -> None:
    async with serving(folder) as first:
        assert await first.stop() == 0
    async with serving(folder) as second:
        assert second.api_key == first.api_key
        shown = [re.sub(r":\d+/", "/", url) for url in (first.shim_url, second.shim_url)]
        assert shown[0] == shown[1]
        code, output, errors = await enum_backend("serve", "--port", "0", cwd=folder)
        assert (code, output) == (1, "")
        assert "another server is running on it" in errors
        assert await second.stop() == 0


async def test_interrupt_and_idle_connections(folder: Path) -> None:
    async with (
        serving(folder) as server,
        aiohttp.ClientSession(server.http_url) as http,
        http.get("/livez") as response,
    ):
        assert response.status == 200
        started = time.monotonic()
        os.kill(server.process.pid, signal.SIGINT)
        assert await asyncio.wait_for(server.process.wait(), 15) == 0
        assert time.monotonic() - started < 6
    assert "Traceback" not in (folder / "server.log").read_text()


async def test_log_is_json_without_a_terminal(folder: Path) -> None:
    async with serving(folder, SMS_LOG_LEVEL="debug") as server:
        await server.send("+14155550101", "canary-text")
        assert await server.stop() == 0
    text = (folder / "server.log").read_text()
    events = [json.loads(line) for line in text.splitlines()]
    assert {"started", "request", "stopped"} <= {item["event"] for item in events}
    assert "canary-text" not in text


def _serve_for_a_moment(invoke: Invoke, data: Path, *arguments: str) -> str:
    """`serve` in this process, ended by SIGTERM once it has answered."""
    ready = threading.Event()

    def end() -> None:
        # The handler is set before the key is written.
        deadline = time.monotonic() + 20
        while not (data / "cli-key").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        ready.set()
        os.kill(os.getpid(), signal.SIGTERM)

    data.mkdir(exist_ok=True)
    (data / "cli-key").unlink(missing_ok=True)
    thread = threading.Thread(target=end)
    thread.start()
    try:
        ports = ("--port", "0", "--dns-port", "0", "--data-dir", str(data))
        return invoke("serve", *ports, *arguments).stdout
    finally:
        thread.join(30)
        assert ready.is_set()


def test_in_this_process(invoke: Invoke, folder: Path) -> None:
    text = _serve_for_a_moment(invoke, folder / "data")
    assert "API key (shown once, kept in " in text
    started = json.loads(_serve_for_a_moment(invoke, folder / "data", "--json"))
    assert started["mode"] == "simulation"
    assert started["pid"] == os.getpid()
    assert started["dns"]["host"] == "127.0.0.1"


async def test_key_is_kept_in_its_file_and_no_longer_shown(folder: Path) -> None:
    async with serving(folder) as server:
        assert await server.stop() == 0
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("serve", "--port", "0", "--dns-port", "0"),
        cwd=folder,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        printed = (await asyncio.wait_for(process.stdout.readuntil(b"Ctrl-C\n"), 30)).decode()
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 20)
    assert process.returncode == 0
    assert f"The API key is in {server.key_file}" in printed
    assert server.api_key not in printed


async def test_key_is_made_again_when_it_no_longer_works(folder: Path) -> None:
    flags = {("http", "port"): 0, ("dns", "port"): 0, ("data_dir",): str(folder / "data")}
    async with Server(load_settings(environment={}, flags=flags)) as server:
        path, first = await ensure_cli_key(server)
        assert first is not None
        assert await ensure_cli_key(server) == (path, None)
        lines = await start_lines(server, path, None)
        assert f"  The API key is in {path}" in lines
        assert first not in "\n".join(lines)
        (key,) = await server.services.keys.list()
        await server.services.keys.revoke(key.id)
        _, second = await ensure_cli_key(server)
        assert second not in (None, first)
        path.write_bytes(b"\xff")
        assert (await ensure_cli_key(server))[1] not in (None, first, second)


def test_ports_out_of_range(invoke: Invoke) -> None:
    answer = document(invoke("serve", "--port", "70000", "--json", code=1))
    assert "http.port" in answer["error"]
    invoke("serve", "--port", "x", code=2)


def test_loop_without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    async def work() -> None:
        seen.append(type(asyncio.get_running_loop()).__module__.partition(".")[0])

    run_loop(work())
    monkeypatch.setattr("sys.platform", "win32")
    run_loop(work())
    assert seen == ["uvloop", "asyncio"]


def test_the_collector_leaves_alone_what_the_start_made() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with settled_memory():
        assert gc.get_freeze_count() > frozen
        assert gc.get_threshold()[0] == YOUNG_OBJECTS
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() <= frozen
