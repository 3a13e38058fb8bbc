"""Finds the words of all packs in a text, in one pass per script.

One spelling may mean different things in different languages (`to` is "is" in Polish). Then
the languages of the other words in the text decide.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from enum_backend.agents.otp.packs import CODE, OTHER, Entry, shipped_packs
from enum_backend.agents.otp.scripts import (
    ANY_LETTER,
    GROWING_LETTER,
    JOINED,
    LETTER,
    PREFIXES,
    script_of_word,
    scripts_of,
)
from enum_backend.agents.otp.trie import Ending, pattern_of

_STEM: Final = 2  # letters before a part that is found inside a word
_Key: TypeAlias = tuple[bool, bool, str]  # may begin inside a word, any ending, the letters


class Hit(NamedTuple):
    """A word of the packs at [start, end) of a text; `role` are bits of `packs`."""

    start: int
    end: int
    role: int


class _Meaning:
    """What a spelling means: in each language, and whether they agree."""

    __slots__ = ("agreed", "role", "roles", "weight")

    def __init__(self, roles: Mapping[str, int]) -> None:
        self.roles = roles
        self.role = functools.reduce(operator.or_, roles.values())
        self.agreed = len(set(roles.values())) == 1
        self.weight = 1 / len(roles)


class _Words:
    """All words of one script."""

    def __init__(self, script: str, entries: Iterable[Entry]) -> None:
        roles: dict[_Key, dict[str, int]] = {}
        for entry in entries:
            _add(roles, (entry.inside, entry.open, entry.text), entry.language, entry.role)
        for inside, open_, text in list(roles):
            if not open_:
                for language, role in roles.get((inside, True, text), {}).items():
                    _add(roles, (inside, False, text), language, role)
        self._meanings = {key: _Meaning(meaning) for key, meaning in roles.items()}
        self._script = script
        self._letter = LETTER.get(script, ANY_LETTER)

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """Built at the first use: most texts are in one script."""
        if self._script in JOINED:
            return re.compile(self._joined(JOINED[self._script]))
        before = f"(?<!{self._letter}){PREFIXES.get(self._script, '')}"
        return re.compile(f"{before}({self._tree(inside=False)})|{self._within.pattern}")

    @functools.cached_property
    def _within(self) -> re.Pattern[str]:
        """The words that are found inside others."""
        if self._script in JOINED or not any(inside for inside, _, _ in self._meanings):
            return re.compile("(?!)")
        return re.compile(f"(?<={self._letter}{{{_STEM}}})({self._tree(inside=True)})")

    def _tree(self, *, inside: bool) -> str:
        words = (
            (text, Ending.LETTERS if open_ else Ending.NO_LETTER)
            for within, open_, text in self._meanings
            if within == inside
        )
        return pattern_of(words, self._letter)

    def _joined(self, size: int) -> str:
        """Words that grow together: long ones match anywhere, short ones alone."""
        words = {(text, Ending.ANYTHING) for _, _, text in self._meanings}
        long = pattern_of((word for word in words if len(word[0]) >= size), "")
        short = pattern_of((word for word in words if len(word[0]) < size), "")
        if not short:
            return f"({long})"
        return f"({long}|(?<!{GROWING_LETTER}){short}(?!{GROWING_LETTER}))"

    def find(self, folded: str) -> list[tuple[int, int, _Meaning]]:
        """The words from left to right, the longest at each place, without overlaps."""
        found = []
        for match in self.pattern.finditer(folded):
            group = match.lastindex or 1
            start, end = match.span(group)
            meaning, stem = self._meaning(match[group], inside=group == 2)
            if end - start > stem and not meaning.role & (CODE | OTHER):
                # The ending of a word may be a word itself: `verifizierungs|code`.
                tail = self._within.search(folded, start + stem, end)
                if tail is not None:
                    found.append((start, tail.start(), meaning))
                    start = tail.start()
                    meaning, _ = self._meaning(tail[1], inside=True)
            found.append((start, end, meaning))
        return found

    def _meaning(self, text: str, *, inside: bool) -> tuple[_Meaning, int]:
        """The meaning of a word that was found, and the length of its spelling in the packs."""
        meaning = self._meanings.get((inside, False, text))
        size = len(text)
        while meaning is None:
            meaning = self._meanings.get((inside, True, text[:size]))
            size -= meaning is None
        return meaning, size


def _add(roles: dict[_Key, dict[str, int]], key: _Key, language: str, role: int) -> None:
    meaning = roles.setdefault(key, {})
    meaning[language] = meaning.get(language, 0) | role


class Lexicon:
    """The words of a set of packs.

    Args:
        entries: of any languages and scripts.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        by_script: dict[str, list[Entry]] = {}
        for entry in entries:
            by_script.setdefault(script_of_word(entry.text), []).append(entry)
        self._words = {script: _Words(script, words) for script, words in by_script.items()}

    def prepare(self) -> None:
        """Build the patterns of all scripts, which otherwise happens at their first use."""
        for words in self._words.values():
            _ = words.pattern

    def find(self, folded: str) -> list[Hit]:
        """The words of a folded text by position, none overlapping."""
        found: list[tuple[int, int, _Meaning]] = []
        for script in scripts_of(folded):
            if script in self._words:
                found += self._words[script].find(folded)
        found = _apart(found)
        if all(meaning.agreed for _, _, meaning in found):
            return [Hit(start, end, meaning.role) for start, end, meaning in found]
        votes: dict[str, float] = {}
        for _, _, meaning in found:
            for language in meaning.roles:
                votes[language] = votes.get(language, 0.0) + meaning.weight
        return [
            Hit(start, end, meaning.role if meaning.agreed else _elected(meaning, votes))
            for start, end, meaning in found
        ]


def _apart(found: list[tuple[int, int, _Meaning]]) -> list[tuple[int, int, _Meaning]]:
    """By position; of two that overlap, the one that starts first, or is longer."""
    found.sort(key=lambda one: (one[0], -one[1]))
    apart: list[tuple[int, int, _Meaning]] = []
    for one in found:
        if not apart or one[0] >= apart[-1][1]:
            apart.append(one)
    return apart


def _elected(meaning: _Meaning, votes: Mapping[str, float]) -> int:
    """The roles in the language that most words of the text belong to; of equals, all."""
    most = max(votes[language] for language in meaning.roles)
    elected = 0
    for language, role in meaning.roles.items():
        if votes[language] >= most - 1e-9:
            elected |= role
    return elected


@functools.cache
def shipped_lexicon() -> Lexicon:
    """The lexicon of the packs that come with the program, built at the first use."""
    return Lexicon(shipped_packs())
