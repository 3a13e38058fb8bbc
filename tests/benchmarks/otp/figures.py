"""Right and wrong answers -> figures and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.otp_messages import Message


@dataclass
class Figures:
    """Counts of answers. A wrong code counts against recall and precision."""

    right: int = 0
    missed: int = 0
    wrong: int = 0
    false: int = 0  # a code where there is none
    quiet: int = 0  # none where there is none

    def count(self, message: Message, answer: str | None) -> None:
        """Count one answer."""
        if message.code is None:
            self.quiet += answer is None
            self.false += answer is not None
        else:
            self.missed += answer is None
            self.right += answer in message.accepted
            self.wrong += answer is not None and answer not in message.accepted

    @property
    def recall(self) -> float:
        """Right codes of the messages that carry one."""
        return self.right / max(self.right + self.missed + self.wrong, 1)

    @property
    def precision(self) -> float:
        """Right codes of the codes given."""
        return self.right / max(self.right + self.wrong + self.false, 1)

    @property
    def accuracy(self) -> float:
        """Right answers, with none where there is none."""
        wrong = self.missed + self.wrong + self.false
        return (self.right + self.quiet) / (self.right + self.quiet + wrong)

    def row(self, name: str) -> tuple[str, ...]:
        """For a table: `HEAD`."""
        counts = (self.right, self.missed, self.wrong, self.false, self.quiet)
        return (name, f"{self.recall:.3f}", f"{self.precision:.3f}", *map(str, counts))


HEAD = ("", "recall", "precision", "right", "missed", "wrong", "false", "quiet")


def figures(messages: Iterable[Message], answers: Iterable[str | None]) -> Figures:
    """The figures of one extractor."""
    result = Figures()
    for message, answer in zip(messages, answers, strict=True):
        result.count(message, answer)
    return result


def by(
    messages: Sequence[Message],
    answers: Sequence[str | None],
    keys: Callable[[Message], Iterable[str]],
) -> dict[str, Figures]:
    """The figures per key, by name."""
    groups: dict[str, Figures] = {}
    for message, answer in zip(messages, answers, strict=True):
        for key in keys(message):
            groups.setdefault(key, Figures()).count(message, answer)
    return dict(sorted(groups.items()))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    rule = "|".join("-" * (width + 2) for width in widths)
    return "\n".join([line(head), f"|{rule}|", *map(line, rows)])


def beside(groups: Mapping[str, Mapping[str, Figures]]) -> str:
    """The accuracy of several extractors per key, and the number of messages."""
    names = list(groups)
    rows = []
    for key, first in groups[names[0]].items():
        total = first.right + first.missed + first.wrong + first.false + first.quiet
        rows.append((key, str(total), *(f"{groups[name][key].accuracy:.2f}" for name in names)))
    return table(("", "messages", *names), rows)
