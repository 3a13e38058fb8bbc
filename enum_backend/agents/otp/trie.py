"""Many words -> one regular expression, a tree of their letters.

At each position it follows the text as far as some word goes, so that its time does not depend
on how many words there are. It has no repeated groups, hence time linear in the text.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from typing import Any


class Ending(enum.Enum):
    """What may follow the last letter of a word."""

    ANYTHING = enum.auto()
    LETTERS = enum.auto()  # they belong to the match, at most 20
    NO_LETTER = enum.auto()


def pattern_of(words: Iterable[tuple[str, Ending]], letter: str) -> str:
    """A pattern that matches the longest of the words at a position; empty without words.

    Args:
        letter: pattern of one letter, for the endings.
    """
    root: dict[str | Ending, Any] = {}
    for text, ending in words:
        node = root
        for character in text:
            node = node.setdefault(character, {})
        node[ending] = {}
    endings = {
        Ending.ANYTHING: "",
        Ending.LETTERS: f"{letter}{{0,20}}",
        Ending.NO_LETTER: f"(?!{letter})",
    }
    return _branch(root, endings) if root else ""


def _branch(node: Mapping[str | Ending, Any], endings: Mapping[Ending, str]) -> str:
    letters = sorted(key for key in node if isinstance(key, str))
    branches = [re.escape(one) + _branch(node[one], endings) for one in letters]
    branches += [pattern for ending, pattern in endings.items() if ending in node][:1]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
