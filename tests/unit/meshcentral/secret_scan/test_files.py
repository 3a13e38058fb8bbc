"""Which files are looked at: git's, or all of a directory; texts of a size that can be read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from meshcentral_plugin.secret_scan.files import (
    LARGEST,
    NoRepository,
    files_of,
    repository_files,
    skipped_for,
)
from meshcentral_plugin.secret_scan.scanner import scan


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, timeout=30)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    for name in ("kept.txt", "new name.txt", "ignored.txt", "inner/kept.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    (tmp_path / ".gitignore").write_text("ignored.txt\n")
    git(tmp_path, "add", "kept.txt", "inner", ".gitignore")
    return tmp_path


def names(paths: object, folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in paths]  # type: ignore[attr-defined]


def test_git_has_or_would_add(repository: Path) -> None:
    expected = [".gitignore", "inner/kept.txt", "kept.txt", "new name.txt"]
    assert names(repository_files(repository), repository) == expected
    assert names(files_of([repository]), repository) == expected
    assert names(files_of([repository / "inner"]), repository) == ["inner/kept.txt"]


def test_what_is_named_is_looked_at(repository: Path) -> None:
    asked = [repository / "ignored.txt", repository / "kept.txt", repository / "kept.txt"]
    assert names(files_of(asked), repository) == ["ignored.txt", "kept.txt"]


def test_deleted_files_and_links_are_left_out(repository: Path) -> None:
    (repository / "kept.txt").unlink()
    (repository / "link.txt").symlink_to(repository / "ignored.txt")
    assert "link.txt" in names(repository_files(repository), repository)
    assert names(files_of([repository]), repository) == [
        ".gitignore",
        "inner/kept.txt",
        "new name.txt",
    ]


def test_a_directory_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for name in ("a.txt", "node_modules/b.txt", "c/d.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    with pytest.raises(NoRepository):
        repository_files(tmp_path)
    assert names(files_of([tmp_path]), tmp_path) == ["a.txt", "c/d.txt"]


def test_without_git_installed(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(NoRepository):
        repository_files(repository)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"text", None),
        ("a.txt", "text".encode("utf-16"), None),
        ("a.txt", b"\x89PNG\0", "not a text"),
        ("poetry.lock", b"text", "a lock file"),
        ("a.txt", b"x" * (LARGEST + 1), "larger than 2 MiB"),
        ("a.txt", None, "cannot be read"),
    ],
)
def test_skipped(tmp_path: Path, name: str, content: bytes | None, reason: str | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert skipped_for(path) == reason
    report = scan([path])
    assert report.files == (1 if reason is None else 0)
    assert report.skipped == ([] if reason is None else [(str(path), reason)])
