"""What is found out about a number: by `context`, for `score`."""

from __future__ import annotations

from dataclasses import dataclass

from enum_backend.agents.otp.lexicon import Hit


@dataclass(slots=True)
class Named:
    """A word for a code in the sentence of a number.

    Attributes:
        gap: characters in between.
        direct: nothing but signs and joining words in between.
        intro: "is", a colon or the like right beside the number.
        crossed: other numbers in between.
        alarmed: the sentence warns of passing something on.
        verifies: a word for verification in between: `code to verify your phone: 4821`.
        claimed: another number follows the word directly: `4821: your code 551920`.
    """

    gap: int
    direct: bool
    intro: bool
    crossed: int
    alarmed: bool
    verifies: bool = False
    claimed: bool = False


@dataclass(slots=True)
class Context:
    """What is known about one number.

    Attributes:
        refused: what it is if it is no code, in words.
        owner: the word that it belongs to instead.
        before, after: the word for a code before, after it.
        opens: it begins a sentence, or follows a colon or bracket.
        entered: beside a word for entering or using.
        entered_after: such a word follows some words later.
        purposed: right after a word for verification, without a word for a code.
        said: after a colon, and such a word is earlier in the sentence.
        needed: begins a sentence that says it is for verification.
        alone: it has its line for itself, and where the word for a code is:
            `before`, `after`; `asked` when only entering is spoken of before, else `itself`.
        stale: beside a word for being old.
    """

    refused: str = ""
    owner: Hit | None = None
    before: Named | None = None
    after: Named | None = None
    opens: bool = False
    entered: bool = False
    entered_after: bool = False
    purposed: bool = False
    said: bool = False
    needed: bool = False
    alone: str = ""
    stale: bool = False
