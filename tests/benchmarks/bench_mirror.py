"""What the mirror costs, in figures: `python tests/benchmarks/bench_mirror.py --names 1000000`.

The fake node runs in a process of its own, so two processors are busy. Printed:

* first sync: seconds, names a second, the most resident memory, octets on disk,
* a block that touches k names, at a small and at the full number of names: the
  median of several blocks, and the ratio,
* point look-ups a second in one process, for names in random order, and misses.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from nvs.mirror import Mirror, MirrorReader
from nvs.rpc import RpcClient
from nvs.testing import SyntheticNames
from nvs.testing.chain_addresses import NETWORKS

ROUNDS = 7
TOUCHED = (1, 10, 100, 1000)
LOOKUPS = 200_000

SERVER = """
import sys
from nvs.testing import FakeChainNode, SyntheticNames
from nvs.testing.serve_chain import grow, synthetic_chain
names = int(sys.argv[1])
chain = synthetic_chain(names)
source = SyntheticNames(names, chain.network)
with FakeChainNode(chain, user="bench", password="bench") as node:
    node.keep_requests = False
    print(node.url, flush=True)
    start = 0
    for line in sys.stdin:
        grow(chain, source, int(line), start)
        start += int(line)
        print("mined", flush=True)
"""


class Server:
    """The fake node's process; `mine` touches some names in one block."""

    def __init__(self, names: int) -> None:
        command = [sys.executable, "-c", SERVER, str(names)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self._answer()

    def mine(self, touched: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{touched}\n")
        self._process.stdin.flush()
        assert self._answer() == "mined"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.communicate(timeout=60)


@contextlib.contextmanager
def server(names: int) -> Iterator[Server]:
    running = Server(names)
    try:
        yield running
    finally:
        running.close()


def memory() -> dict[str, int]:
    """Resident KiB of this process: now by kind, and the most since `forget_peak`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    wanted = ("VmHWM", "VmRSS", "RssAnon", "RssFile")
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(wanted)}


def forget_peak() -> None:
    """Let the kernel start anew with the most memory (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


async def measure(names: int, path: Path) -> dict[int, float]:
    """First sync, then blocks; the median seconds of a block by the names it touches."""
    forget_peak()
    before = memory()
    with server(names) as node:
        client = RpcClient.from_url(node.url, timeout=60.0)
        async with Mirror(path, client, also=("ver:",)) as mirror:
            started = time.perf_counter()
            listed = 0.0

            def progress(done: int, _total: int) -> None:
                nonlocal listed
                if not done:
                    listed = time.perf_counter() - started

            await mirror.sync(progress)
            took = time.perf_counter() - started
            size = (path / "data.mdb").stat().st_size
            after = memory()
            print(
                f"{names} names: first sync {took:.1f} s (listing {listed:.1f} s),"
                f" {names / took:.0f} names/s,"
                f" memory at most {after['VmHWM'] / 1024:.0f} MiB"
                f" (before {before['VmRSS'] / 1024:.0f}; now anonymous"
                f" {after['RssAnon'] / 1024:.0f}, map {after['RssFile'] / 1024:.0f}),"
                f" {size / 1e6:.1f} MB on disk, {size / names:.0f} octets a name"
            )
            medians = {}
            for touched in TOUCHED:
                times = []
                for _ in range(ROUNDS):
                    node.mine(min(touched, names))
                    started = time.perf_counter()
                    await mirror.sync()
                    times.append(time.perf_counter() - started)
                medians[touched] = statistics.median(times)
            return medians


async def look_up(names: int, path: Path) -> None:
    """Look-ups in random order, by a reader of its own."""
    source = SyntheticNames(names, NETWORKS["regtest"])
    present = [source[random.randrange(names)][0][5:16].decode() for _ in range(LOOKUPS)]
    missing = [f"4{random.randrange(10**10):010}" for _ in range(LOOKUPS)]
    reader = MirrorReader(path)
    for word, numbers, found in (("hits", present, True), ("misses", missing, False)):
        rates = []
        for _ in range(3):
            started = time.perf_counter()
            for number in numbers:
                reading = await reader.read(number)
                assert bool(reading.entries) is found
            rates.append(LOOKUPS / (time.perf_counter() - started))
        print(f"{names} names: look-ups, {word}: {statistics.median(rates):.0f} a second")
    await reader.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=20_000)
    parser.add_argument("--small", type=int, default=2_000, help="names to compare with")
    parser.add_argument("--directory", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        large = await measure(options.names, Path(directory) / "large")
        await look_up(options.names, Path(directory) / "large")
        small = await measure(options.small, Path(directory) / "small")
        for touched in TOUCHED:
            print(
                f"a block that touches {touched} names: {small[touched] * 1e3:.1f} ms at"
                f" {options.small}, {large[touched] * 1e3:.1f} ms at {options.names},"
                f" ratio {large[touched] / small[touched]:.2f}"
            )


if __name__ == "__main__":
    asyncio.run(main())
