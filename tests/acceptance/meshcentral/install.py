"""The real MeshCentral from npm, once for all test runs of this machine.

    python -m tests.acceptance.meshcentral.install

CI installs it when it is needed; elsewhere the tests skip until this has run. The lock
file pins every package by its hash. MeshCentral installs nothing more at run time: what
its start looks for (`InstallModules` in meshcentral.js) is among its dependencies, as
long as no proxy stands in the environment.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

VERSION = "1.1.55"
PACKAGES = Path(__file__).parent / "npm"
SECONDS = 600.0


def required() -> Path:
    """`node_modules` with MeshCentral; skips the test where it is not, fails it in CI."""
    in_ci = os.environ.get("CI", "").lower() == "true"
    programs = ("node", "npm") if in_ci else ("node",)
    lacking = [program for program in programs if shutil.which(program) is None]
    if not lacking and (in_ci or _is_there()):
        return install()
    explain = (
        f"MeshCentral needs {' and '.join(lacking)}"
        if lacking
        else "MeshCentral is not installed: python -m tests.acceptance.meshcentral.install"
    )
    if in_ci:
        pytest.fail(explain)
    pytest.skip(explain)


def install() -> Path:
    """Install it if it is not there, into a cache outside the checkout."""
    folder = _folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_name(f"{folder.name}.lock")):
        if not _is_there():
            shutil.rmtree(folder, ignore_errors=True)
            fresh = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
            try:
                _npm(fresh)
                fresh.rename(folder)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    return folder / "node_modules"


def _is_there() -> bool:
    return (_folder() / "node_modules" / "meshcentral" / "meshcentral.js").is_file()


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    lock = hashlib.sha256((PACKAGES / "package-lock.json").read_bytes()).hexdigest()
    return cache / "enum-backend-tests" / f"meshcentral-{VERSION}-{lock[:12]}"


def _npm(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGES / name, folder)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"npm ci of MeshCentral {VERSION} failed: {done.stderr[-2000:]}")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time: test workers start together."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    print(install())  # noqa: T201
