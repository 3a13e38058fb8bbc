"""`mesh scan-secrets`: what it prints, and the exit codes pre-commit goes by."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from enum_backend.cli import cli
from meshcentral_plugin.cli import mesh
from tests.integration.cli.conftest import Invoke, document

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "ebk_" + "d7" * 22


@pytest.fixture(autouse=True)
def _command() -> None:
    cli.add_command(mesh)


@pytest.fixture
def repository(folder: Path) -> Path:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True, timeout=30)
    (folder / ".gitignore").write_text(".env\n")
    (folder / ".env").write_text(f"ENUM_BACKEND_API_KEY={TOKEN}\n")
    (folder / "clean.txt").write_text("nothing here\n")
    return folder


@pytest.mark.timeout(300)
def test_our_own_repository(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git work tree")
    monkeypatch.chdir(ROOT)
    assert "files: no secrets." in invoke("mesh", "scan-secrets").stdout


def test_nothing_found(repository: Path, invoke: Invoke) -> None:
    assert invoke("mesh", "scan-secrets").output == "2 files: no secrets.\n"


def test_found(repository: Path, invoke: Invoke) -> None:
    (repository / "notes.txt").write_text(f"\nkey {TOKEN}\n")
    done = invoke("mesh", "scan-secrets", code=1)
    assert done.stdout == "notes.txt:2: enum-backend API key: ebk_... (48 characters)\n"
    assert "pragma: allowlist secret" in done.stderr
    assert TOKEN[4:] not in done.output


def test_files_are_named(repository: Path, invoke: Invoke) -> None:
    invoke("mesh", "scan-secrets", "clean.txt")
    invoke("mesh", "scan-secrets", ".")
    invoke("mesh", "scan-secrets", "clean.txt", ".env", code=1)


def test_json(repository: Path, invoke: Invoke) -> None:
    (repository / "image.bin").write_bytes(b"\0")
    done = invoke("mesh", "scan-secrets", "--json", ".env", "image.bin", code=1)
    assert document(done) == {
        "success": False,
        "files": 1,
        "findings": [
            {
                "path": ".env",
                "line": 1,
                "kind": "enum-backend API key",
                "hint": "ebk_... (48 characters)",
            }
        ],
        "skipped": [{"path": "image.bin", "reason": "not a text"}],
    }
    assert done.stderr == ""


def test_what_cannot_be_read_is_said(
    repository: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(path.name)

    monkeypatch.setattr(Path, "open", refuse)
    done = invoke("mesh", "scan-secrets", "clean.txt")
    assert done.stderr == "enum-backend: clean.txt: cannot be read\n"


def test_wrong_use(folder: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    assert "name files or directories" in invoke("mesh", "scan-secrets", code=2).stderr
    invoke("mesh", "scan-secrets", "missing.txt", code=2)
    invoke("mesh", "scan-secrets", "--nonsense", code=2)


def test_pre_commit_calls_this_command() -> None:
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")
    assert "  entry: enum-backend mesh scan-secrets\n" in hooks
