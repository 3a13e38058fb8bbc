"""What messages cost, in figures: `python tests/benchmarks/messaging --runs 5`.

* outbound: accepted and dispatched a second, against Kannel in the same run,
* a message's cost by the size of the outbox, and that no statement reads all of it,
* inbound: provider's webhook to owner's endpoint.

`--smoke` does all of it in less than a minute, too short for figures that mean anything.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[0] = str(ROOT)

import uvloop  # noqa: E402 - after the path is set

from tests.benchmarks.messaging import flat, inbound, kannel, ours, outbound  # noqa: E402
from tests.benchmarks.messaging.machine import machine  # noqa: E402
from tests.benchmarks.messaging.outbound import Case  # noqa: E402
from tests.benchmarks.messaging.report import Report, write_docs  # noqa: E402

PARTS = ("outbound", "flat", "inbound")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser("messaging", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of outbound and inbound; medians")
    parser.add_argument("--seconds", type=float, default=8.0, help="that count in a run")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 10**6, 5 * 10**6])
    parser.add_argument("--messages", type=int, default=2000, help="per size and round")
    parser.add_argument("--rounds", type=int, default=3, help="per size; medians")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--smoke", action="store_true", help="one short run of everything")
    parser.add_argument("--directory", type=Path, help="where databases are: on a disk")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "messaging.json")
    parser.add_argument("--docs", type=Path, help="page whose marked part is replaced")
    options = parser.parse_args()
    if options.smoke:
        options.runs, options.seconds = 1, 1.6
        options.sizes, options.messages, options.rounds = [1_000, 20_000], 100, 1
    return options


def outbound_cases(options: argparse.Namespace) -> list[Case]:
    """Kannel first: the others are compared with it."""
    stores: tuple[kannel.Store, ...] = ("none",) if options.smoke else ("none", "spool")
    return [
        *(Case(kannel.STORES[store], partial(kannel.kannel, store=store)) for store in stores),
        Case(ours.SQLITE, ours.on_sqlite),
        Case(ours.POSTGRESQL, ours.on_postgresql),
    ]


async def measure(options: argparse.Namespace) -> Report:
    """Everything asked for, in turn."""
    report = Report(machine(options.directory), seconds=options.seconds)
    if "outbound" in options.only:
        report.outbound = outbound_cases(options)
        await outbound.measure(report.outbound, options.runs, options.seconds, options.directory)
        if os.environ.get("CI", "").lower() == "true":
            report.problems += [
                f"{case.kind.name} is needed in CI: {case.skipped}"
                for case in report.outbound
                if case.skipped
            ]
    if "flat" in options.only:
        report.flat = await flat.measure(
            options.sizes, options.messages, options.rounds, options.directory
        )
    if "inbound" in options.only:
        report.inbound = await inbound.measure(options.runs, options.seconds, options.directory)
    report.find_problems()
    return report


def main() -> int:
    """0, or 1 when something is wrong whatever the speed."""
    options = arguments()
    report = uvloop.run(measure(options))
    print(report.markdown())
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report.as_json(), indent=1), "utf-8")
    if options.docs:
        write_docs(options.docs, report.markdown())
    for problem in report.problems:
        print(f"WRONG: {problem}", file=sys.stderr)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
