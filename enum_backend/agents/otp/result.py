"""What the extractor says about a message."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Kind(enum.StrEnum):
    """What a code is made of."""

    WEBOTP = "webotp"
    NUMERIC = "numeric"
    ALPHANUMERIC = "alphanumeric"
    LETTERS = "letters"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Extraction:
    """The one-time code of a message, or none.

    Attributes:
        code: as a person types it: digits without blanks and dashes, whatever script they were
            written in; with letters, as written. Never in `repr`.
        confidence: 0 to 1; 0 without a code.
        reason: which rule decided, in words, without anything of the message.
        kind: what the code is made of, `none` without a code.
    """

    code: str | None = field(repr=False)
    confidence: float
    reason: str
    kind: Kind
