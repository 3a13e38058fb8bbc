"""Starts `shared/tools/provider-mock`, a validating mock of a provider's API document.

It lies beside the checkout, needs node and npm, and installs itself on first use.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "shared" / "tools" / "provider-mock"
FIRST_START = 300.0
"""Seconds; npm installs the mock."""


@contextmanager
def provider_mock(provider: str, log: Path) -> Iterator[str]:
    """The mock's address while it runs; skips the test where it cannot run."""
    if not TOOL.is_file():
        pytest.skip(f"no provider mock at {TOOL}")
    lacking = [program for program in ("bash", "node", "npm") if shutil.which(program) is None]
    if lacking:
        explain = f"the provider mock needs {', '.join(lacking)}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(explain)
        pytest.skip(explain)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", str(TOOL), provider, str(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_for(port, process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + FIRST_START
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the provider mock did not start:\n{log.read_text(errors='replace')[-2000:]}")
