"""Charts: where bars stand, and what they say in words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from enum_backend.web.console.charts import HEIGHT, WIDTH, Point, chart


def test_bars_share_the_width_and_stand_on_the_ground() -> None:
    made = chart("Messages", [Point("a", 10, 5), Point("b", 5), Point("c", 0)], "messages")
    assert made.top == 10
    first, second, third = made.bars
    assert float(first.height) + float(first.bad_height) == pytest.approx(HEIGHT)
    assert float(first.bad_y) == 0
    assert float(first.y) + float(first.height) == pytest.approx(HEIGHT)
    assert float(second.y) == pytest.approx(HEIGHT / 2)
    assert float(third.height) == 0
    assert 0 < float(first.x) < float(second.x) < float(third.x) < WIDTH
    assert float(third.x) + float(third.width) <= WIDTH
    assert made.has_bad
    assert made.summary == "15 messages from a to c, most at a: 10; 5 failed."
    assert len(made.line.split()) == 3


def test_what_is_there_can_be_seen() -> None:
    made = chart("Spend", [Point("a", Decimal(1000)), Point("b", Decimal("0.01"))], "US dollars")
    assert float(made.bars[1].height) >= 1
    assert not made.has_bad


@pytest.mark.parametrize(
    ("points", "summary"),
    [([], "No messages."), ([Point("a", 0)], "0 messages from a to a.")],
)
def test_nothing_to_draw(points: list[Point], summary: str) -> None:
    made = chart("Messages", points, "messages")
    assert (made.summary, made.top) == (summary, 0)
