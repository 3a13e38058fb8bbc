"""The language packs: what words mean around a one-time code, one TOML file per language.

A pack has a `language` and lists of words or phrases, each list one string with commas between
the entries; docs/reference/otp.md says what each list is for. `*` at the end of an entry stands
for any ending of its last word, at the beginning for any beginning of a compound.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from enum_backend.agents.otp.text import clean, fold

# What a word does to the numbers around it. Plain bits: they are tested for every word found.
CODE: Final = 1 << 0
OTHER: Final = 1 << 1
KIND: Final = 1 << 2
PURPOSE: Final = 1 << 3
INTRO: Final = 1 << 4
ENTER: Final = 1 << 5
SECRET: Final = 1 << 6
LASTS: Final = 1 << 7
LABEL: Final = 1 << 8
THING: Final = 1 << 9
UNIT: Final = 1 << 10
MONEY: Final = 1 << 11
MONTH: Final = 1 << 12
PROMO: Final = 1 << 13
STALE: Final = 1 << 14
COMMON: Final = 1 << 15
LITTLE: Final = 1 << 16

LISTS: Final = {
    "code": CODE,
    "other": OTHER,
    "kind": KIND,
    "purpose": PURPOSE,
    "intro": INTRO,
    "enter": ENTER,
    "secret": SECRET,
    "lasts": LASTS,
    "label": LABEL,
    "thing": THING,
    "little": LITTLE,
    "unit": UNIT,
    "money": MONEY,
    "month": MONTH,
    "promo": PROMO,
    "stale": STALE,
    "common": COMMON,
}
REQUIRED: Final = frozenset({"code", "purpose", "enter", "secret", "lasts", "label", "thing"})


class PackError(ValueError):
    """A language pack that is not as it should be; the text names file and list."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One word or phrase of one language, folded.

    Attributes:
        role: one of the bits above.
        language: BCP 47 tag, the name of its pack.
        inside: may begin within a word.
        open: any ending may follow.
    """

    text: str
    role: int
    language: str
    inside: bool = False
    open: bool = False


def read_pack(name: str, text: str) -> Iterator[Entry]:
    """The entries of a pack.

    Args:
        name: the file's name without `.toml`: a BCP 47 tag.

    Raises:
        PackError: no TOML, an unknown or missing list, an entry that is empty or given twice.
    """
    try:
        pack = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PackError(f"{name}: {error}") from None
    if not isinstance(pack.pop("language", None), str):
        raise PackError(f"{name}.language: is missing")
    if unknown := pack.keys() - LISTS.keys():
        raise PackError(f"{name}.{min(unknown)}: no such list")
    if missing := REQUIRED - pack.keys():
        raise PackError(f"{name}.{min(missing)}: is missing")
    for key, words in pack.items():
        where = f"{name}.{key}"
        if not isinstance(words, str):
            raise PackError(f"{where}: must be one string, commas between the entries")
        seen = set()
        for written in words.split(","):
            entry = _entry(where, written.strip(), LISTS[key], name)
            if entry not in seen:  # spellings with and without accents fold together
                seen.add(entry)
                yield entry


def _entry(where: str, written: str, role: int, language: str) -> Entry:
    bare = written.removeprefix("*").removesuffix("*")
    text = fold(clean(bare))
    if "*" in text or not any(character.isalpha() for character in text):
        raise PackError(f"{where}: {written!r} is no word")
    return Entry(text, role, language, written.startswith("*"), written.endswith("*"))


def shipped_packs() -> list[Entry]:
    """The entries of every pack that comes with the program.

    Raises:
        PackError: see `read_pack`.
    """
    entries: list[Entry] = []
    folder = files("enum_backend.agents.otp").joinpath("packs")
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".toml"):
            name = file.name.removesuffix(".toml")
            entries += read_pack(name, file.read_text(encoding="utf-8"))
    return entries
