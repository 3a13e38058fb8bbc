"""Disks that fill up: a small one of its own where we may mount, else a limit on file sizes."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

MEGABYTES = 16
CALL_SECONDS = 10.0
_BLOCK = 4096


class Disk(ABC):
    """Where a server's data is.

    Attributes:
        data_dir: for its settings.
    """

    data_dir: Path

    @abstractmethod
    def fill(self, pid: int) -> None:
        """From now on nothing more can be written by the server's process."""

    @abstractmethod
    def free(self, pid: int) -> None:
        """It can again."""


class SmallDisk(Disk):
    """A tmpfs that is filled with another file."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self._filler = folder / "filler"

    def fill(self, pid: int) -> None:
        """See `Disk`."""
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as filler:
            while filler.write(bytes(_BLOCK)):
                pass

    def free(self, pid: int) -> None:
        """See `Disk`."""
        self._filler.unlink()


class FileLimit(Disk):
    """No file may grow beyond what the write-ahead log has now (RLIMIT_FSIZE)."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"

    def fill(self, pid: int) -> None:
        """See `Disk`."""
        largest = max(file.stat().st_size for file in self.data_dir.glob("*.sqlite3*"))
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, hard))

    def free(self, pid: int) -> None:
        """See `Disk`."""
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk | None]:
    """A small file system mounted there; None where we may not."""
    size = f"size={MEGABYTES}m"
    mounted = os.getuid() == 0 and not _call("mount", "-t", "tmpfs", "-o", size, "faults", folder)
    try:
        yield SmallDisk(folder) if mounted else None
    finally:
        if mounted:
            _call("umount", "--lazy", folder)


def _call(*command: str | Path) -> int:
    try:
        return subprocess.run(
            command, check=False, capture_output=True, timeout=CALL_SECONDS
        ).returncode
    except OSError:
        return 1
