"""Which options MeshCentral has, where, and of which types.

MeshCentral never reads an unknown option and says nothing about it, and its published
schema takes any. So a wrong name must be found here, before it is silently ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from meshcentral_plugin.config.findings import ConfigFinding, Step, error, show_path
from meshcentral_plugin.config.option_names import OPTION_NAMES

Sections = Mapping[str, Mapping[str, str]]
"""Section -> option -> letters of its JSON types; no letters = any type."""

DOMAIN = "domains/*"
SAME_AS = {"domaindefaults": DOMAIN}
_LETTERS = {
    "string": "s",
    "boolean": "b",
    "integer": "i",
    "number": "n",
    "object": "o",
    "array": "a",
}
_WORDS = {"s": "text", "b": "true or false", "i": "an integer", "n": "a number"} | {
    "o": "an object",
    "a": "a list",
}


def own_sections() -> dict[str, dict[str, str]]:
    """The options of the table this package carries."""
    return {
        section: {
            name: letters or "s"
            for name, _, letters in (word.partition(":") for word in names.split())
        }
        for section, names in OPTION_NAMES.items()
    }


def sections_of_schema(schema: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The options that a MeshCentral schema (draft-04) names, in the same shape."""
    sections: dict[str, dict[str, str]] = {}
    _collect(schema, "", sections)
    return sections


def _collect(node: Mapping[str, Any], section: str, sections: dict[str, dict[str, str]]) -> None:
    branches = (node, *node.get("oneOf", ()), *node.get("anyOf", ()))
    for branch in branches:
        for name, option in branch.get("properties", {}).items():
            kinds = option.get("type", ())
            kinds = (kinds,) if isinstance(kinds, str) else kinds
            letters = "".join(sorted(_LETTERS[kind] for kind in kinds if kind in _LETTERS))
            sections.setdefault(section, {}).setdefault(name, letters)
            _collect(option, f"{section}/{name}".lstrip("/"), sections)
    for key, step in (("additionalProperties", "*"), ("items", "[]")):
        inner = node.get(key)
        if isinstance(inner, dict):
            _collect(inner, f"{section}/{step}".lstrip("/"), sections)


def merged(*all_sections: Sections) -> dict[str, dict[str, str]]:
    """What any of them has; the types of the last one that names an option."""
    result: dict[str, dict[str, str]] = {}
    for sections in all_sections:
        for section, names in sections.items():
            result.setdefault(section, {}).update(names)
    return result


@dataclass(frozen=True, slots=True)
class Options:
    """All options that may be used."""

    sections: Sections

    def problems(self, document: Mapping[str, Any]) -> Iterator[ConfigFinding]:
        """Unknown, mis-cased and misplaced names, and values of a wrong type."""
        yield from self._object(document, "", ())

    def _object(
        self, value: Mapping[str, Any], section: str, path: tuple[Step, ...]
    ) -> Iterator[ConfigFinding]:
        names = self.sections.get(section)
        any_name = f"{section}/*" in self.sections
        if names is None and not any_name:
            return
        for name, item in value.items():
            here = (*path, name)
            if section == "" and name in {"$schema", "sms"}:
                continue  # the providers have a check of their own
            if names is not None and name in names:
                child = SAME_AS.get(name, name) if section == "" else f"{section}/{name}"
                yield from self._value(item, names[name], child, here)
            elif any_name:
                yield from self._value(item, "o", f"{section}/*", here)
            else:
                yield error(
                    show_path(here), "MeshCentral has no such option", self._hint(section, name)
                )

    def _value(
        self, value: Any, letters: str, section: str, path: tuple[Step, ...]
    ) -> Iterator[ConfigFinding]:
        if letters and not _fits(value, letters):
            words = " or ".join(_WORDS[letter] for letter in letters)
            yield error(show_path(path), f"expected {words}, got {json_type(value)}")
        elif isinstance(value, dict):
            yield from self._object(value, section, path)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    yield from self._object(item, f"{section}/[]", (*path, index))

    def _hint(self, section: str, name: str) -> str:
        near = self.nearest(section, name)
        return f"use {near}" if near else "remove it"

    def nearest(self, section: str, name: str) -> str | None:
        """The real option that was probably meant; None when none is alike.

        The same letters in the same section come first, then the same letters
        elsewhere, then alike ones here, then alike ones elsewhere.
        """
        here = self.sections.get(section, {})
        low = name.lower()
        everywhere = {
            option.lower(): _shown(place, option)
            for place in sorted(self.sections, key=lambda place: -place.count("/"))
            for option in self.sections[place]
        }
        local = {option.lower(): _shown(section, option) for option in here}
        if low in local:
            return local[low]
        if low in everywhere:
            return everywhere[low]
        for known in (local, everywhere):
            if close := get_close_matches(low, known, n=1, cutoff=0.75):
                return known[close[0]]
        return None

    def real_case(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document as MeshCentral reads it: names in any case, here in the real one."""
        result: dict[str, Any] = self._cased(document, "")
        return result

    def _cased(self, value: Any, section: str) -> Any:
        if isinstance(value, list):
            return [self._cased(item, f"{section}/[]") for item in value]
        if not isinstance(value, dict):
            return value
        real = {name.lower(): name for name in self.sections.get(section, ())}
        result = {}
        for name, item in value.items():
            found = real.get(name.lower())
            inner = found or ("*" if f"{section}/*" in self.sections else name)
            child = f"{section}/{inner}".lstrip("/")
            result[found or name] = self._cased(item, SAME_AS.get(child, child))
        return result


def json_type(value: Any) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    return next(word for letter, word in _WORDS.items() if _is(value, letter))


def _fits(value: Any, letters: str) -> bool:
    return any(_is(value, letter) for letter in letters)


def _is(value: Any, letter: str) -> bool:
    if isinstance(value, bool):
        return letter == "b"
    kinds: dict[str, type | tuple[type, ...]] = {
        "s": str,
        "b": bool,
        "i": int,
        "n": (int, float),
        "o": dict,
        "a": list,
    }
    return isinstance(value, kinds[letter])


def _shown(section: str, option: str) -> str:
    return ".".join(part for part in (*section.split("/"), option) if part)
