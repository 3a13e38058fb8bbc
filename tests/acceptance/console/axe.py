"""axe-core from npm, kept in a cache outside the checkout."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.acceptance.faults.own_servers import missing

VERSION = "4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
SECONDS = 120.0
SERIOUS = frozenset({"serious", "critical"})


def source() -> str:
    """The script; where it cannot be had the test is skipped, and fails in CI."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    file = cache / "enum-backend-tests" / f"axe-core-{VERSION}.js"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            _fetch(file)
    return file.read_text("utf-8")


async def issues(page: Page, script: str) -> list[str]:
    """What is serious or critical on the page, each with the first element it is about."""
    await page.evaluate(script)
    found: dict[str, Any] = await page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{item['impact']} {item['id']}: {item['nodes'][0]['html'][:200]}"
        for item in found["violations"]
        if item["impact"] in SERIOUS
    ]


def _fetch(file: Path) -> None:
    if shutil.which("npm") is None:
        missing("npm")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["npm", "pack", f"axe-core@{VERSION}", "--silent"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode:
            missing(f"axe-core {VERSION}: npm pack failed: {done.stderr[-500:]}")
        (archive,) = Path(folder).glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        assert digest == SHA512, "this is not the axe-core that was looked at"
        with tarfile.open(archive) as packed:
            script = packed.extractfile("package/axe.min.js")
            assert script is not None
            fresh = file.with_suffix(".new")
            fresh.write_bytes(script.read())
            fresh.replace(file)
