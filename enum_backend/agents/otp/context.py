"""What the words around a number say about it.

A number belongs to the nearest word before it in its sentence that can own one, unless a number
in between has taken that word; a word for a code may also follow ("123456 is your code").
Looks at a bounded number of words in a bounded window, so that the time is linear in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from enum_backend.agents.otp.evidence import Context, Named
from enum_backend.agents.otp.lexicon import Hit
from enum_backend.agents.otp.packs import (
    CODE,
    ENTER,
    INTRO,
    LABEL,
    LASTS,
    LITTLE,
    MONEY,
    MONTH,
    OTHER,
    PURPOSE,
    STALE,
    THING,
    UNIT,
)
from enum_backend.agents.otp.scene import Scene
from enum_backend.agents.otp.shapes import Number, is_year

WINDOW: Final = 120  # characters
_MOST_WORDS: Final = 16
_NEAR: Final = 40
_SOON: Final = 6
_TOUCHING: Final = 3  # letters of words nobody knows between two that still belong together
_OWNED: Final = "named as something else"
_LETTER: Final = re.compile(r"[^\W\d_]")
_ENDS_IN_SIGN: Final = re.compile(r"[:=>→][ \"'(\[\n]*$|[ \n]-[ \"']?$")
_OPENS: Final = re.compile(r"(?:^|[:\-)\]>,|\n])[ \"'(\[*#]*$")
_SAYS: Final = re.compile(r"[ \"'*)\]]*[-:=(]")
_BESIDE: Final = frozenset({"", " ", "-", ".", ". ", ":", ": "})
_LINK: Final = re.compile(r" ?(?:[&,/+]|[^\W\d]{1,3}) ?")


class Reader:
    """Reads the context of the numbers of a scene, in their order.

    Args:
        numbers: those that will be read.
    """

    def __init__(self, scene: Scene, numbers: Sequence[Number]) -> None:
        self._scene = scene
        self._numbers = numbers
        self._taken: set[int] = set()  # starts of words that own a number already
        self._last: tuple[int, str] = (-1, "")  # end of the number before, what it was refused as
        self._ends: list[int] = []

    def read(self, number: Number) -> Context:
        """The context of the next number."""
        start, end = self._scene.sentence(number.start)
        context = Context(refused=number.refused)
        self._look_back(number, max(start, number.start - WINDOW), context)
        self._look_ahead(number, min(end, number.end + WINDOW), context)
        if number.code is not None:
            self._look_around(number, start, end, context)
            self._inherit(number, context)
        self._last = (number.end, context.refused)
        self._ends.append(number.end)
        return context

    def _look_back(self, number: Number, start: int, context: Context) -> None:
        scene = self._scene
        edge = number.start  # where the words that touch each other and the number begin
        touching, intro = True, self._signed(number.start)
        owner: Hit | None = None
        verifies = closed = False  # a verb in between: what is before it owns nothing after it
        for hit in reversed(scene.words(start, number.start)[-_MOST_WORDS:]):
            touching = touching and self._touch(hit.end, edge)
            role, crossed = hit.role, self._crossed(hit.end)
            if hit.start in self._taken:
                continue
            if touching and not crossed:
                if role & MONEY and scene.text[hit.end : number.start] in _BESIDE:
                    context.refused = context.refused or "an amount"
                if role & MONTH and is_year(number.code or ""):
                    context.refused = context.refused or "a date"
                intro = intro or bool(role & INTRO and owner is None)
                context.entered = context.entered or bool(role & ENTER)
                context.purposed = context.purposed or bool(role & PURPOSE)
            context.stale = context.stale or bool(role & STALE and not crossed)
            closed = closed or bool(role & (ENTER | PURPOSE) and not role & (THING | LITTLE))
            verifies = verifies or bool(role & PURPOSE and not crossed)
            if role & CODE:
                gap, alarmed = number.start - hit.end, scene.alarmed(start, number.end)
                context.before = Named(gap, touching, intro, crossed, alarmed, verifies)
                break
            if role & (LABEL | OTHER) and not crossed and (owner is None or owner.role & LITTLE):
                if context.entered and not role & OTHER:
                    break
                owner = hit
                if not intro or role & OTHER:
                    break
            elif (
                role & (THING | LITTLE)
                and touching
                and not (crossed or owner or closed)
                and "," not in scene.text[hit.end : edge]
            ):
                owner = hit
            if touching and not crossed:
                edge = hit.start
        if owner is not None:
            self._own(owner, context, intro=intro)
        context.said = verifies and intro and not context.purposed
        context.purposed = context.purposed and intro

    def _own(self, owner: Hit, context: Context, *, intro: bool) -> None:
        """`owner` is the word that a number seems to belong to."""
        strict = owner.role & (LABEL | OTHER)
        if context.before and intro and (not strict or context.before.verifies):
            return
        if owner.role & LITTLE and context.entered:
            return
        self._taken.add(owner.start)
        context.owner = owner
        context.before = None
        context.refused = context.refused or _OWNED

    def _look_ahead(self, number: Number, end: int, context: Context) -> None:
        scene = self._scene
        edge, touching, other, said = number.end, True, False, False
        intro = _SAYS.match(scene.text, number.end) is not None
        for hit in scene.words(number.end, end)[:_MOST_WORDS]:
            touching = touching and self._touch(edge, hit.start)
            role = hit.role
            if touching:
                beside = scene.text[number.end : hit.start] in _BESIDE
                if beside and role & (UNIT | MONEY) and not role & (INTRO | CODE | ENTER):
                    self._taken.add(hit.start)
                    context.refused = context.refused or "a quantity"
                    return
                if beside and role & MONTH and is_year(number.code or ""):
                    context.refused = context.refused or "a date"
                    return
                edge = hit.end
                said = said or bool(role & INTRO)
                intro = intro or said
                if role & ENTER:
                    context.entered = True
                    self._release(number, context)
            elif role & ENTER and hit.start - number.end <= _NEAR:
                context.entered_after = True
            if role & CODE and (touching or not other):
                gap = hit.start - number.end
                alarmed = scene.alarmed(number.end, end)
                claimed = not said and self._claimed(hit.end, end)
                context.after = Named(gap, touching, intro, 0, alarmed, claimed=claimed)
                if touching and context.owner and context.owner.role & LITTLE:
                    self._release(number, context)
                return
            if role & PURPOSE and not other and (intro or hit.start - number.end <= _SOON):
                context.needed = True
            other = other or bool(role & (LABEL | OTHER) and intro)
            if role & LASTS and not intro:
                break
        if other and not (context.before and (context.before.direct or context.before.intro)):
            context.refused = context.refused or _OWNED

    def _release(self, number: Number, context: Context) -> None:
        """`to confirm your number 4821 enter`: it does not belong to the word before it.

        That word is a preposition, or other words are in between.
        """
        owner = context.owner
        if owner is None or context.refused != _OWNED or owner.role & OTHER:
            return
        if owner.role & LITTLE or not self._touch(owner.end, number.start):
            self._taken.discard(owner.start)
            context.owner = None
            context.refused = ""

    def _look_around(self, number: Number, start: int, end: int, context: Context) -> None:
        scene = self._scene
        before = scene.text[start : number.start] if number.start - start < WINDOW else "x"
        context.opens = _OPENS.search(before) is not None
        rest = before + scene.text[number.end : min(end, number.end + WINDOW)]
        if context.before or context.after or len(_LETTER.findall(rest)) > _TOUCHING:
            return
        asks = scene.text[start - 1 : start] in ("?", "؟")  # "Forgot your password?"
        named = not asks and self._speaks(start - 1, CODE)
        owners = LABEL | OTHER if named else LABEL | OTHER | THING | LITTLE
        last = scene.words(max(0, start - WINDOW), start)[-1:]
        if last and last[0].role & owners and not last[0].role & CODE:
            context.refused = context.refused or _OWNED
        elif named:
            context.alone = "before"
        elif end < len(scene.text) and self._speaks(end, CODE):
            context.alone = "after"
        elif self._speaks(start - 1, ENTER):
            context.alone = "asked"
        else:
            context.alone = "itself"

    def _speaks(self, position: int, role: int) -> bool:
        """Whether the sentence at a position has such a word, and no number."""
        if position < 0:
            return False
        start, end = self._scene.sentence(position)
        start = max(start, position - WINDOW)
        words = self._scene.words(start, min(end, position + WINDOW))
        return any(hit.role & role for hit in words) and not self._crossed(start)

    def _inherit(self, number: Number, context: Context) -> None:
        """`to 560027 & 27613445`: what holds for the first holds for the second."""
        end, refused = self._last
        if refused != _OWNED or context.after is not None:
            return
        if context.before and (context.before.direct or context.before.intro):
            return
        if _LINK.fullmatch(self._scene.text, end, number.start):
            context.refused = context.refused or refused

    def _signed(self, position: int) -> bool:
        return _ENDS_IN_SIGN.search(self._scene.text, max(0, position - 6), position) is not None

    def _touch(self, end: int, start: int) -> bool:
        if start - end > 12:
            return False
        return len(_LETTER.findall(self._scene.folded, end, start)) <= _TOUCHING

    def _claimed(self, start: int, end: int) -> bool:
        """Whether a number that may be a code begins [start, end)."""
        following = self._numbers[len(self._ends) + 1 : len(self._ends) + 2]
        return any(
            one.code is not None and one.start < end and self._touch(start, one.start)
            for one in following
        )

    def _crossed(self, position: int) -> int:
        """How many of the numbers read so far lie after a position."""
        return len(self._ends) - bisect_right(self._ends, position)
