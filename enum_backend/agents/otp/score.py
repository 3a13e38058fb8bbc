"""What is known about a number -> how likely it is the code.

Points, found by weighing the ways messages are worded; a number needs `NEEDED` of them. Naming
counts most; a message that speaks of secrecy or of minutes adds a little; an unusual shape takes
a little away.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from enum_backend.agents.otp.context import WINDOW
from enum_backend.agents.otp.evidence import Context, Named
from enum_backend.agents.otp.packs import CODE, LASTS, PROMO, PURPOSE, SECRET
from enum_backend.agents.otp.result import Kind
from enum_backend.agents.otp.scene import Scene
from enum_backend.agents.otp.shapes import Number, is_year

NEEDED: Final = {Kind.NUMERIC: 4.0, Kind.ALPHANUMERIC: 5.0, Kind.LETTERS: 6.5}
_SIZES: Final = {4: 0.1, 5: 0.1, 6: 0.4, 7: 0.0, 8: 0.1, 9: -0.8, 10: -0.8}
_NOTHING: Final = "nothing says that it is a code"
# Points, the least support, and in words.
_ALONE: Final = {
    "before": (5.0, 0.0, "a word for a code before it"),
    "after": (4.5, 0.0, "a word for a code after it"),
    "asked": (3.4, 0.5, "a word for entering before it"),
    "itself": (3.0, 1.25, "words for secrecy and duration around it"),
}
_PERCENT: Final = re.compile(r"\d ?%|% ?\d")
_BRANDS: Final = frozenset({"G", "FB", "IG", "WA", "TG", "D", "M", "TT", "LI"})


@dataclass(frozen=True, slots=True)
class Tone:
    """What the whole message is about.

    Attributes:
        topic: 2 a code is spoken of, 1 only in a warning, 0 not at all.
        support: points for secrecy, duration and purpose.
        promotion: words of advertising, and of what else carries codes that are no one-time codes.
    """

    topic: int
    support: float
    promotion: int


def tone(scene: Scene) -> Tone:
    """The tone of a message."""
    topic, roles, promotion = 0, 0, 0
    for hit in scene.hits:
        roles |= hit.role
        if hit.role & CODE and topic < 2:
            start, end = scene.sentence(hit.start)
            near = max(start, hit.start - WINDOW), min(end, hit.end + WINDOW)
            topic = 1 if scene.alarmed(*near) else 2
        promotion += bool(hit.role & PROMO)
    promotion += _PERCENT.search(scene.text) is not None
    support = 0.75 * bool(roles & SECRET) + 0.75 * bool(roles & LASTS) + 0.5 * bool(roles & PURPOSE)
    return Tone(topic, support, promotion)


def score(number: Number, context: Context, about: Tone) -> tuple[float, str]:
    """Points of a number that is not refused, and the rule that gave most of them."""
    if number.kind is Kind.LETTERS and not _introduced(context):
        return 0.0, _NOTHING
    points, reason = max(_ways(number, context, about))
    if context.before and context.after:
        points += 0.3
    points += about.support
    points += _shape(number)
    if context.stale:
        points -= 2
    if about.promotion:
        points -= 1.5 * min(about.promotion, 3)
        # Codes of shops have letters, and nothing is said of secrecy.
        points -= (number.kind is not Kind.NUMERIC) + (about.support == 0)
    return points, reason


def _ways(number: Number, context: Context, about: Tone) -> list[tuple[float, str]]:
    ways = [(0.0, _NOTHING)]
    if context.before:
        ways.append((_before(context.before), "a word for a code before it"))
    if context.after:
        ways.append((_after(context.after, opens=context.opens), "a word for a code after it"))
    if context.entered:
        points = 4.6 if about.topic or about.support >= 0.5 else 3.9
        ways.append((points, "to be entered or used"))
    if context.entered_after:
        ways.append((3.6 if about.support >= 0.5 else 2.5, "to be entered or used"))
    if context.purposed:
        ways.append((4.0, "a word for verification before it"))
    if context.said:
        ways.append((3.2, "a word for verification before it"))
    if context.needed and context.opens:
        ways.append((3.2, "a word for verification after it"))
    if alone := _ALONE.get(context.alone):
        points, least, where = alone
        if about.support >= least:
            ways.append((points, f"alone on its line, {where}"))
    if number.prefix in _BRANDS and len(number.code or "") >= 5:
        ways.append((4.0, "a prefix that brands use for codes"))
    if number.kind is Kind.NUMERIC and about.topic:
        ways.append((1.0 + about.topic * 0.75, "the only number that can be the code"))
    return ways


def _introduced(context: Context) -> bool:
    """`your code is BHKQZT`, `BHKQZT is your code`: what letters alone need."""
    before, after = context.before, context.after
    if before and before.direct and before.intro:
        return True
    return bool(after and after.intro and context.opens)


def _before(named: Named) -> float:
    if named.direct:
        points = 6.5 if named.intro else 6.0
    elif named.intro:
        points = 5.5 if named.gap <= 40 else 5.0
    else:
        points = 4.5 if named.gap <= 20 else 3.5 if named.gap <= 40 else 2.5
        points -= named.crossed
        if named.alarmed and named.gap > 20:
            points = min(points, 1.5)
    return points - 0.25 * named.crossed


def _after(named: Named, *, opens: bool) -> float:
    if named.intro or opens:
        points = 6.0 if named.gap <= 50 else 5.0
    else:
        points = 4.5 if named.gap <= 12 else 3.5 if named.gap <= 40 else 2.0
    if named.alarmed and not named.intro:
        points -= 1.0
    return points - 2.5 if named.claimed else points


def _shape(number: Number) -> float:
    code = number.code or ""
    points = -1.5 if number.doubtful else 0.0
    if number.kind is not Kind.NUMERIC:
        return points
    if is_year(code):
        points -= 0.7
    return points + _SIZES[len(code)]


def confidence(points: float, ahead: float) -> float:
    """0 to 1 for points of the code and its lead over the next candidate."""
    sure = 1 / (1 + math.exp(-1.1 * (points - 3.2)))
    if ahead < 0.75:
        sure -= 0.2
    return round(min(max(sure, 0.05), 0.99), 2)
