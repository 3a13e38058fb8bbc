"""Message -> one-time code: the order in which the rules are asked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from enum_backend.agents.otp.candidates import letter_codes, numbers
from enum_backend.agents.otp.context import Reader
from enum_backend.agents.otp.lexicon import shipped_lexicon
from enum_backend.agents.otp.result import Extraction, Kind
from enum_backend.agents.otp.scene import Scene
from enum_backend.agents.otp.score import NEEDED, Tone, confidence, score, tone
from enum_backend.agents.otp.shapes import Number
from enum_backend.agents.otp.text import clean
from enum_backend.agents.otp.webotp import bound_code

_WORDED: Final = re.compile(r"[^\W\d_]{2,}-?(?=\d{4,8}$)")
_BARE: Final = re.compile(r"[\"'*<#>:\[( ]*(\d{5,8}|\d{3}[ -]\d{3})[\"'*.)\] ]*")


def prepare() -> None:
    """Load the language packs now; takes about a second, which the first messages else wait.

    Thread-safe, so that a server can do it beside its event loop.

    Raises:
        PackError: a pack that came with the program is damaged.
    """
    shipped_lexicon().prepare()


def extract_otp_from_sms(text: str, *, sender: str | None = None) -> Extraction:
    """The one-time code of a message, or none.

    Args:
        text: the message; any length, the time is linear in it.
        sender: who sent it; its digits are never the code.
    """
    if (bound := bound_code(text)) is not None:
        code = clean(bound)
        return Extraction(code, 0.99, "bound to a domain (WebOTP)", Kind.WEBOTP)
    cleaned = clean(text)
    if bare := _BARE.fullmatch(cleaned):
        code = re.sub(r"\D", "", bare[1])
        return Extraction(code, 0.5, "the message is nothing else", Kind.NUMERIC)
    return _best(Scene(cleaned, shipped_lexicon()), _digits(sender))


def _none(reason: str) -> Extraction:
    return Extraction(None, 0.0, reason, Kind.NONE)


def _digits(sender: str | None) -> str:
    return re.sub(r"\D", "", clean(sender)) if sender else ""


def _best(scene: Scene, sender: str) -> Extraction:
    about = tone(scene)
    found = [_unglued(scene, number) for number in numbers(scene.text, scene.spans)]
    if sender:
        found = [_not_of(sender, number) for number in found]
    ranked, refused = _ranked(scene, found, about)
    if not ranked and about.topic:
        ranked, _ = _ranked(scene, _unknown(scene, letter_codes(scene.text)), about)
    if not ranked:
        return _none(refused)
    points, _, number, reason = ranked[0]
    others = [points - other[0] for other in ranked[1:] if other[2].code != number.code]
    sure = confidence(points, min(others, default=math.inf))
    return Extraction(number.code, sure, reason, number.kind)


def _ranked(
    scene: Scene, found: Sequence[Number], about: Tone
) -> tuple[list[tuple[float, int, Number, str]], str]:
    """Points, place, number and rule of those that may be the code, best first; else why none."""
    reader = Reader(scene, found)
    ranked = []
    why = "no number"
    for place, number in enumerate(found):
        context = reader.read(number)
        if context.refused:
            why = f"no number but {context.refused}" if why == "no number" else why
            continue
        points, reason = score(number, context, about)
        if points >= NEEDED[number.kind]:
            ranked.append((points, -place, number, reason))
        else:
            why = "nothing says that a number is a code"
    ranked.sort(key=lambda one: one[:2], reverse=True)
    return ranked, why


def _unglued(scene: Scene, number: Number) -> Number:
    """`OTP123456`, `PIN-4829`: a word the packs know, then the code."""
    if number.code is None or not scene.words(number.start, number.start + 1):
        return number
    if len(number.prefix) > 2:
        return replace(number, start=number.start + len(number.prefix) + 1, prefix="")
    if match := _WORDED.match(number.code):
        return Number(number.start + match.end(), number.end, number.code[match.end() :])
    return number


def _not_of(sender: str, number: Number) -> Number:
    code = number.code
    if code is not None and (code == sender or (len(code) > 4 and sender.endswith(code))):
        return replace(number, code=None, refused="the sender's number")
    return number


def _unknown(scene: Scene, found: Iterable[Number]) -> list[Number]:
    """Those that are no words of the packs, and not part of a shouted sentence."""
    return [one for one in found if not scene.words(one.start, one.end)]
