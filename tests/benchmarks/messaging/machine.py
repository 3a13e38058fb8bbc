"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

FLUSHES = 50


def machine(directory: Path | None) -> dict[str, Any]:
    """Processor, cores, load before we began, and how long the disk takes to flush a page."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "flush_ms": round(flush_seconds(directory) * 1e3, 3),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def flush_seconds(directory: Path | None) -> float:
    """Median of a 4 KiB write and its `fdatasync`."""
    times = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(FLUSHES):
            file.write(bytes(4096))
            file.flush()
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
