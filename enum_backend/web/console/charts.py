"""Bars and lines of SVG charts: figures in, places in out. Templates draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

WIDTH: Final = 640
HEIGHT: Final = 140
GAP: Final = 0.28
"""Part of a bar's place that stays empty."""

Figure = int | Decimal


@dataclass(frozen=True, slots=True)
class Point:
    """One place of the axis.

    Attributes:
        label: what it stands for, e.g. `14:00`.
        value: its height.
        bad: how much of it is drawn as failed.
    """

    label: str
    value: Figure
    bad: Figure = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, from the ground up: `bad` stands on top of the rest."""

    x: str
    width: str
    y: str
    height: str
    bad_y: str
    bad_height: str
    point: Point


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart to draw.

    Attributes:
        summary: its text alternative in a sentence.
        top: what the highest bar stands for.
        line: the points of the same figures as a line.
    """

    title: str
    summary: str
    unit: str
    top: Figure
    bars: tuple[Bar, ...]
    line: str
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def has_bad(self) -> bool:
        """Whether anything failed."""
        return any(bar.point.bad for bar in self.bars)


def chart(title: str, points: Sequence[Point], unit: str) -> Chart:
    """Bars over the points, which share the width.

    Args:
        unit: what is counted, e.g. `messages`.
    """
    top = max((point.value for point in points), default=0)
    place = WIDTH / max(len(points), 1)
    bars = tuple(_bar(point, index, place, top) for index, point in enumerate(points))
    middle = [
        f"{place * (i + 0.5):.1f},{HEIGHT - _scaled(p.value, top):.1f}"
        for i, p in enumerate(points)
    ]
    return Chart(title, _summary(points, unit), unit, top, bars, " ".join(middle))


def _bar(point: Point, index: int, place: float, top: Figure) -> Bar:
    height, bad = _scaled(point.value, top), _scaled(min(point.bad, point.value), top)
    return Bar(
        x=f"{place * (index + GAP / 2):.1f}",
        width=f"{place * (1 - GAP):.1f}",
        y=f"{HEIGHT - height + bad:.1f}",
        height=f"{height - bad:.1f}",
        bad_y=f"{HEIGHT - height:.1f}",
        bad_height=f"{bad:.1f}",
        point=point,
    )


def _scaled(value: Figure, top: Figure) -> float:
    """Drawn height; what is there at all can be seen."""
    return max(float(value) / float(top) * HEIGHT, 1.5) if top and value else 0.0


def _summary(points: Sequence[Point], unit: str) -> str:
    if not points:
        return f"No {unit}."
    total = sum(point.value for point in points)
    bad = sum(point.bad for point in points)
    most = max(points, key=lambda point: point.value)
    text = f"{total:,} {unit} from {points[0].label} to {points[-1].label}"
    if total:
        text += f", most at {most.label}: {most.value:,}"
    if bad:
        text += f"; {bad:,} failed"
    return f"{text}."
