"""Which files are looked at."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from detect_secrets.filters.heuristic import is_lock_file

LARGEST: Final = 2 * 1024 * 1024
"""Octets of a file that is still read."""
GIT_SECONDS: Final = 60
_NOT_OURS: Final = frozenset((".git", ".hg", ".svn", ".venv", "node_modules", "__pycache__"))


class NoRepository(Exception):
    """The directory is not part of a git work tree, or git is not there."""


def repository_files(directory: Path) -> list[Path]:
    """The files below a directory that git has, or would add; what it ignores is not among them.

    Raises:
        NoRepository: git has nothing to say of this directory.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(  # noqa: S603  a fixed command
            command, cwd=directory, capture_output=True, timeout=GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        raise NoRepository(str(directory)) from None
    names = sorted(set(filter(None, os.fsdecode(done.stdout).split("\0"))))
    return [directory / name for name in names]


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file of these files and directories, once; links are not followed.

    Below a directory of a git work tree these are git's files, in another all
    but those of version control and of installed packages.
    """
    seen: set[Path] = set()
    for path in paths:
        for file in _below(path) if path.is_dir() else (path,):
            if file not in seen and file.is_file() and not file.is_symlink():
                seen.add(file)
                yield file


def _below(directory: Path) -> Iterator[Path]:
    try:
        yield from repository_files(directory)
    except NoRepository:
        for root, directories, names in os.walk(directory):
            directories[:] = sorted(set(directories) - _NOT_OURS)
            yield from (Path(root, name) for name in sorted(names))


def skipped_for(path: Path) -> str | None:
    """Why a file is not looked at; None when it is."""
    if is_lock_file(str(path)):
        return "a lock file"
    try:
        if path.stat().st_size > LARGEST:
            return f"larger than {LARGEST // 1024 // 1024} MiB"
        with path.open("rb") as file:
            start = file.read(8192)
    except OSError:
        return "cannot be read"
    if b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "not a text"
    return None
