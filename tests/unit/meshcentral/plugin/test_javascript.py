"""The plugin's JavaScript, by node's own test runner."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def node() -> str:
    found = shutil.which("node")
    if found is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("node is not installed")
        pytest.skip("node is not installed")
    return found


def variables() -> dict[str, str]:
    """Without what MeshCentral's or an editor's own node would take over."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NODE_")}


@pytest.mark.parametrize("path", sorted(HERE.glob("*.test.js")), ids=lambda path: path.stem)
def test_passes(path: Path) -> None:
    done = subprocess.run(
        [node(), "--test", path.name],
        cwd=HERE,
        env=variables(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout
    assert "# pass 0" not in done.stdout
