"""A message taken apart: its text, the words the packs know, its numbers, its sentences."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from enum_backend.agents.otp.lexicon import Hit, Lexicon
from enum_backend.agents.otp.packs import CODE, COMMON, KIND, OTHER, SECRET
from enum_backend.agents.otp.protected import addresses
from enum_backend.agents.otp.text import fold

# After these a full stop does not end a sentence; nor after any short word before a number.
_SHORT: Final = (
    "dvs", "Dvs", "Inc", "Ltd", "Corp", "Mr", "Mrs", "Dr", "Sr", "Sra", "Nr", "nr", "ca",
)  # fmt: skip
_WHOLE: Final = "".join(rf"(?<!{word}\.)" for word in _SHORT)
_BREAK: Final = re.compile(
    r"[!?。।۔؟။།։;]|\.(?<=\d\.)(?=\D|$)(?! [a-zß-ɏ])"
    rf"|\.(?<!\d\.){_WHOLE}(?=$|\n| (?![A-Z]{{0,6}}-?\d))"
    r"|\.(?<=[^\W\d_]{5}\.)(?= )|\n(?<![:=\-]\n)"
)
# Between a word for a code and one for its kind: nothing, or the "of" of the Romance languages.
_JOINT: Final = re.compile(
    r"[ -]?| (?:d[eiou']|da|del|des|dei|dell'|della|de la|de tu|de su|do seu|da sua|al) ?",
    re.IGNORECASE,
)
# The ending of a foreign word: `OTP-në`, `PIN'i`.
_SUFFIX: Final = re.compile(r"[^\W\d_][-'][^\W\d_]{1,3}")
_NEXT: Final = 3  # words after one for a code among which its kind may be: `código de su pedido`


class Scene:
    """What the rules look at. Positions are the same in `text` and `folded`.

    Attributes:
        text: clean.
        hits: the words by position, without those that only tell the language.
        breaks: where sentences begin, 0 first.
    """

    def __init__(self, text: str, lexicon: Lexicon) -> None:
        self.text = text
        self.folded = fold(text)
        self.spans = addresses(text)
        self.hits = self._words(lexicon)
        self.starts = [hit.start for hit in self.hits]
        self.breaks = [0, *(match.end() for match in _BREAK.finditer(text))]

    def sentence(self, position: int) -> tuple[int, int]:
        """[start, end) of the sentence around a position."""
        index = bisect_right(self.breaks, position) - 1
        last = index + 1 == len(self.breaks)
        return self.breaks[index], len(self.text) if last else self.breaks[index + 1]

    def words(self, start: int, end: int) -> Sequence[Hit]:
        """The words that begin in [start, end)."""
        return self.hits[bisect_right(self.starts, start - 1) : bisect_right(self.starts, end - 1)]

    def alarmed(self, start: int, end: int) -> bool:
        """Whether [start, end) says that something must stay secret."""
        return any(hit.role & SECRET for hit in self.words(start, end))

    def _words(self, lexicon: Lexicon) -> list[Hit]:
        hits = [hit for hit in lexicon.find(self.folded) if hit.role != COMMON]
        hits = [hit for hit in hits if hit.role & CODE or not self._ending(hit)]
        if self.spans:
            hits = [hit for hit in hits if not self._spanned(hit.start)]
        return [self._settled(hits, index) for index in range(len(hits))]

    def _ending(self, hit: Hit) -> bool:
        return _SUFFIX.fullmatch(self.text, max(0, hit.start - 2), hit.end) is not None

    def _spanned(self, position: int) -> bool:
        index = bisect_right(self.spans, (position, len(self.text))) - 1
        return index >= 0 and position < self.spans[index][1]

    def _settled(self, hits: Sequence[Hit], index: int) -> Hit:
        """A word for a code beside a word that makes it another kind of code: `promo code`."""
        hit = hits[index]
        if not hit.role & CODE or hit.role & OTHER:
            return hit
        if index and hits[index - 1].role & KIND and self._joined(hits[index - 1], hit):
            return hit._replace(role=hit.role & ~CODE | OTHER)
        for following in hits[index + 1 : index + 1 + _NEXT]:
            if following.role & KIND and self._joined(hit, following):
                return hit._replace(role=hit.role & ~CODE | OTHER)
        return hit

    def _joined(self, one: Hit, other: Hit) -> bool:
        return _JOINT.fullmatch(self.text, one.end, other.start) is not None
