"""A fake node with a large synthetic chain, in a process of its own.

    python -m nvs.testing.serve_chain --names 1000000 --port 6662

Prints its URL (with user and password) on the first line, then the height and
the best block, and serves until its standard input ends or it is interrupted.
`--mine-every` lets the chain grow with updates of names. For benchmarks: the
names are computed when asked for, so that a million of them need no memory.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from typing import TextIO

from nvs.testing.bulk_names import SyntheticNames
from nvs.testing.fake_chain import FakeChain
from nvs.testing.fake_node import FakeChainNode


def synthetic_chain(names: int, *, per_block: int = 1000) -> FakeChain:
    """A regtest chain with that many names (see `SyntheticNames`) from height 101 on."""
    chain = FakeChain()
    if names:
        chain.load(SyntheticNames(names, chain.network), per_block=per_block)
    return chain


def grow(chain: FakeChain, source: SyntheticNames, changes: int, start: int) -> None:
    """Mine one block that updates `changes` names, from number `start` on."""
    for number in range(start, start + changes):
        name, value, _, address = source[number % len(source)]
        chain.name_update(name, value + b"\n# block %d" % (chain.height + 1), address=address)
    chain.mine()


def main(arguments: Sequence[str] | None = None, until: TextIO | None = None) -> int:
    """Serve until `until` (standard input by default) ends.

    Returns:
        exit status 0.
    """
    options = _parser().parse_args(arguments)
    chain = synthetic_chain(options.names, per_block=options.per_block)
    source = SyntheticNames(max(options.names, 1), chain.network)
    stopped = threading.Event()
    node = FakeChainNode(chain, user="bench", password=options.password, port=options.port)
    node.keep_requests = False
    with node:
        _say(node.url)
        _say(f"height {chain.height} best {chain.best_hash()}")
        grower = threading.Thread(
            target=_grow_on,
            args=(chain, source, options.changes, options.mine_every, stopped),
            name="grow",
        )
        if options.mine_every:
            grower.start()
        try:
            while (until or sys.stdin).readline():
                pass
        except KeyboardInterrupt:
            _say("interrupted")
        stopped.set()
        if options.mine_every:
            grower.join(30)
    return 0


def _grow_on(
    chain: FakeChain, source: SyntheticNames, changes: int, every: float, stopped: threading.Event
) -> None:
    number = 0
    while not stopped.wait(every):
        grow(chain, source, changes, number)
        number += changes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nvs.testing.serve_chain")
    parser.add_argument("--names", type=int, default=10_000, help="synthetic names")
    parser.add_argument("--per-block", type=int, default=1000, help="names in each block")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 for a free one")
    parser.add_argument("--password", default="bench", help="of user 'bench'")
    parser.add_argument("--mine-every", type=float, default=0.0, help="seconds; 0 for never")
    parser.add_argument("--changes", type=int, default=10, help="names updated in a new block")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":  # pragma: no cover -- the same call as in the tests
    raise SystemExit(main())
