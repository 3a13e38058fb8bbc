"""How good and how fast one-time codes are found: `python tests/benchmarks/otp`.

Prints, for the project's own messages (those held out, and all) and for every `--cases FILE`:
recall and precision beside the first 4-8 digits and two published extractors, then the share
of right answers per language and per tag. At the end the time per message.

FILE is `{"cases": [{"message", "expected", "accept", "lang", "tags"}]}`; `expected` is null when
a message carries no code.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[0] = str(ROOT)

from enum_backend.agents.otp import extract_otp_from_sms, prepare  # noqa: E402 - after the path
from tests.benchmarks.otp.extractors import answers  # noqa: E402
from tests.benchmarks.otp.figures import HEAD, beside, by, figures, table  # noqa: E402
from tests.otp_messages import Message, messages_of, own_messages  # noqa: E402


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser("otp", description=__doc__)
    parser.add_argument("--cases", type=Path, nargs="*", default=[], help="files to measure on")
    parser.add_argument("--rounds", type=int, default=20, help="of the timing; medians")
    parser.add_argument("--smoke", action="store_true", help="one round, no tables per language")
    return parser.parse_args()


def compare(title: str, messages: Sequence[Message], *, details: bool) -> None:
    """Print the tables for some messages."""
    said = answers([message.text for message in messages])
    print(f"\n## {title}: {len(messages)} messages\n")
    print(table(HEAD, [figures(messages, said[name]).row(name) for name in said]))
    if details:
        for what, keys in (
            ("language", lambda message: (message.language,)),
            ("tag", lambda message: message.tags),
        ):
            print(f"\n### {title}, right answers per {what}\n")
            print(beside({name: by(messages, said[name], keys) for name in said}))


def timing(messages: Sequence[Message], rounds: int) -> None:
    """Print microseconds per message: of the median message, of one in twenty, of the slowest."""
    prepare()
    medians = []
    for message in messages:
        taken = []
        for _ in range(rounds):
            began = time.perf_counter()
            extract_otp_from_sms(message.text)
            taken.append(time.perf_counter() - began)
        medians.append(statistics.median(taken) * 1e6)
    medians.sort()
    print(f"\n## Time per message, {rounds} rounds\n")
    slow = medians[len(medians) * 19 // 20]
    rows = [(f"{statistics.median(medians):.0f}", f"{slow:.0f}", f"{medians[-1]:.0f}")]
    print(table(("median µs", "95 % µs", "slowest µs"), rows))


def main() -> None:
    """Everything, in order."""
    options = arguments()
    own = own_messages()
    compare("held out", [one for one in own if one.held_out], details=not options.smoke)
    compare("all own", own, details=not options.smoke)
    measured = own
    for path in options.cases:
        measured = messages_of(path)
        compare(path.name, measured, details=not options.smoke)
    timing(measured, 1 if options.smoke else options.rounds)


if __name__ == "__main__":
    main()
