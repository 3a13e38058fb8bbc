"""The figures as Markdown (for people and for the docs) and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.messaging.flat import Flat
from tests.benchmarks.messaging.inbound import Inbound
from tests.benchmarks.messaging.outbound import Case

BEGIN, END = "<!-- messaging: begin -->", "<!-- messaging: end -->"
"""Between these lines of a page stands what `write_docs` last wrote."""

SHARE_OF_KANNEL = 0.5
ACCEPT_P99_MS = 25.0
DELIVERED = 1000.0
DELIVERED_P99_MS = 100.0


@dataclass(slots=True)
class Report:
    """All that was measured; parts that were not asked for are None or empty."""

    machine: dict[str, Any]
    outbound: Sequence[Case] = ()
    flat: Flat | None = None
    inbound: Inbound | None = None
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Every run of everything."""
        return {
            "machine": self.machine,
            "outbound": [case.as_json() for case in self.outbound],
            "flat": self.flat.as_json() if self.flat else None,
            "inbound": self.inbound.as_json() if self.inbound else None,
            "problems": self.problems,
        }

    def markdown(self) -> str:
        """The tables."""
        parts = [_machine(self.machine)]
        if self.outbound:
            parts += _outbound(self.outbound, self.seconds)
        if self.flat:
            parts += _flat(self.flat)
        if self.inbound:
            parts += _inbound(self.inbound)
        return "\n\n".join(parts)

    def find_problems(self) -> None:
        """What is wrong whatever the speed."""
        for case in self.outbound:
            for name, what in (("refused", "not answered with 2xx"), ("doubled", "sent twice")):
                if many := sum(getattr(run, name) for run in case.runs):
                    self.problems.append(f"{case.kind.name}: {many} messages {what}")
        for statement in self.flat.scans if self.flat else ():
            self.problems.append(f"reads a whole table: {statement}")
        for run in self.inbound.runs if self.inbound else ():
            if run.refused or run.missing:
                self.problems.append(
                    f"inbound: {run.refused} webhooks refused, {run.missing} messages not delivered"
                )


def write_docs(page: Path, text: str) -> None:
    """Put the tables between the page's two marks.

    Raises:
        ValueError: the page lacks the marks.
    """
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} lacks {BEGIN} or {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


def _machine(facts: dict[str, Any]) -> str:
    return (
        f"Measured on {facts['date']}: {facts['processor']}, {facts['cores']} cores shared by the"
        f" load, the sink and what is measured; Linux {facts['kernel']}, Python"
        f" {facts['python']}; the disk flushes 4 KiB in {facts['flush_ms']} ms; load average"
        f" before: {facts['load']}."
    )


def _outbound(cases: Sequence[Case], seconds: float) -> list[str]:
    measured = [case for case in cases if case.runs]
    notes = [f"* {case.kind.name}: not measured: {case.skipped}" for case in cases if case.skipped]
    if not measured:
        return ["### Outbound", "\n".join(notes)]
    base = measured[0]
    runs = len(base.runs)
    rows = []
    for case in measured:
        ratios = [case.median(name) / base.median(name) for name in ("accepted", "arrived")]
        rows.append(
            (
                case.kind.name,
                f"{case.median('accepted'):.0f}",
                f"{ratios[0]:.2f}",
                f"{case.median('arrived'):.0f}",
                f"{ratios[1]:.2f}",
                f"{case.median('p99_ms'):.1f}",
                f"{case.median('cpu_us'):.0f}",
            )
        )
    head = (
        "system",
        "accepted/s",
        f"/ {base.kind.name}",
        "arrived/s",
        f"/ {base.kind.name}",
        "p99 ms at half rate",
        "CPU µs per accepted",
    )
    notes = [f"* {case.kind.name}: {case.kind.durability}" for case in measured] + notes
    wanted = (
        f"Wanted: {SHARE_OF_KANNEL} x Kannel's rates, p99 at most {ACCEPT_P99_MS:.0f} ms."
        f" Medians of {runs} alternating runs of {seconds:g} s."
    )
    return ["### Outbound", wanted, _table(head, rows), "\n".join(notes)]


def _flat(flat: Flat) -> list[str]:
    first = flat.costs[0]
    rows = [
        (
            f"{cost.rows:,}",
            f"{cost.cpu_us:.0f}",
            f"{cost.cpu_us / first.cpu_us:.2f}",
            f"{cost.wall_us:.0f}",
        )
        for cost in flat.costs
    ]
    head = ("rows in the outbox", "CPU µs per message", "ratio", "time µs per message")
    used = sorted({line for plan in flat.plans for line in plan.lines if "outbox" in line})
    scans = len(flat.scans)
    return [
        "### A message's cost by the size of the outbox",
        "SQLite, accepted and dispatched. All rows are less than a day old, so daily limits count"
        " every one of them.",
        _table(head, rows),
        f"`EXPLAIN QUERY PLAN` of the {len(flat.plans)} statements seen while messages were"
        f" accepted, claimed and settled: {scans or 'none'} of them"
        f" {'read' if scans > 1 else 'reads'} a growing table from end to end. The outbox is"
        " reached by:",
        "\n".join(f"* `{line}`" for line in used),
    ]


def _inbound(inbound: Inbound) -> list[str]:
    head = ("accepted/s", "delivered/s", "p99 ms to delivered", "p99 ms to the answer")
    names = ("accepted", "delivered", "p99_ms", "answer_p99_ms")
    row = [f"{inbound.median(name):.{0 if '_' not in name else 1}f}" for name in names]
    return [
        "### Inbound",
        "Telnyx webhooks (Ed25519) to the owner's endpoint on the same machine, SQLite, p99 at half"
        f" the rate delivered. Wanted: {DELIVERED:.0f} a second, p99 at most"
        f" {DELIVERED_P99_MS:.0f} ms. Medians of {len(inbound.runs)} runs.",
        _table(head, [row]),
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
