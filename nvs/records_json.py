"""The records file: `{"<nvs name>": "<value text>" | <json value> | {"value": ...}}`.

A value is text, or JSON that is kept as compact JSON text, as it would stand on
the chain. An object with the key `value` is a wrapper that may add the owner's
`address` and `expires_in` (blocks).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NoReturn

from nvs.errors import NvsUnavailable, RecordsFileError
from nvs.names import ENUM_PREFIX, TOLLFREE_NAME, digits_of_nvs_name, is_readable_name
from nvs.number_record import Entry
from nvs.record_index import RecordIndex, is_live

MAX_DEPTH = 64
"""Levels of arrays and objects inside one value."""

_WRAPPER_KEYS = frozenset({"value", "address", "expires_in"})
_MAX_BLOCKS = 2**31
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Records:
    """A records file's content.

    Attributes:
        others: entries of other kinds by name: verifiers, revocation lists, toll-free
            rules, and whatever else stands there.
        unusable: names of other kinds whose value has no known shape.
        skipped: how many names nothing can be done with: `enum:` names that are not
            canonical, names that are not ASCII or too long, and unusable ones.
        examples: the first few of those.
    """

    index: RecordIndex
    others: dict[str, Entry] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)
    skipped: int = 0
    examples: tuple[str, ...] = ()

    def entry(self, name: str) -> Entry | None:
        """One live entry of any kind, None where surely there is none.

        Raises:
            NvsUnavailable: the name's value has no known shape, or no name can be so.
        """
        if name in self.unusable or not is_readable_name(name):
            raise NvsUnavailable(f"{name[:60]!r} cannot be read from these records")
        entry = self.index.find(name) or self.others.get(name)
        return entry if entry is not None and is_live(entry) else None

    @property
    def skipped_sentence(self) -> str:
        """`2 names skipped, e.g. 'dns:x'`, or empty."""
        if not self.skipped:
            return ""
        examples = ", ".join(repr(name[:60]) for name in self.examples)
        return f"skipped {self.skipped} name(s) that cannot be used, e.g. {examples}"


class _Object(dict[str, Any]):
    """A JSON object that says which key stood twice."""

    twice = ""


def parse_records(text: bytes, where: str) -> Records:
    """Read a whole file.

    Args:
        where: the file's path, for messages.

    Raises:
        RecordsFileError: naming `where`, the NVS name and the field.
    """
    try:
        content = json.loads(
            text.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError as exc:
        raise RecordsFileError(f"{where}: not UTF-8 at octet {exc.start}") from None
    except json.JSONDecodeError as exc:
        raise RecordsFileError(
            f"{where}: not JSON at line {exc.lineno} column {exc.colno}: {exc.msg}"
        ) from None
    except ValueError as exc:
        raise RecordsFileError(f"{where}: not JSON: {str(exc)[:80]}") from None
    except RecursionError:
        raise RecordsFileError(f"{where}: nested too deep") from None
    if not isinstance(content, dict):
        raise RecordsFileError(f"{where}: not an object of NVS names")
    if isinstance(content, _Object):
        raise RecordsFileError(f"{where}: {content.twice!r}: the name stands twice")
    return records_of(content, where)


def records_of(content: Mapping[str, Any], where: str) -> Records:
    """The same for a mapping that is in memory already.

    Raises:
        RecordsFileError: see `parse_records`.
    """
    entries: list[Entry] = []
    others: dict[str, Entry] = {}
    unusable: set[str] = set()
    skipped: list[str] = []
    for name, value in content.items():
        if digits_of_nvs_name(name) is not None:
            entries.append(entry_of(name, value, where))
        elif not is_readable_name(name):
            skipped.append(name)
        else:
            try:
                others[name] = entry_of(name, value, where)
            except RecordsFileError:  # a number's file need not be refused for it
                unusable.add(name)
            if name in unusable or not may_be_other(name):
                skipped.append(name)
    examples = tuple(skipped[:_EXAMPLES])
    return Records(RecordIndex(entries), others, unusable, len(skipped), examples)


def may_be_other(name: str) -> bool:
    """Whether a name that is no number's is of a kind that can be of use."""
    return not name.startswith(ENUM_PREFIX) or name == TOLLFREE_NAME


def entry_of(name: str, value: Any, where: str) -> Entry:
    """One name's entry from its JSON shape (or from raw `bytes`).

    Raises:
        RecordsFileError: see `parse_records`.
    """
    at = f"{where}: {name!r}"
    if not (isinstance(value, dict) and "value" in value):
        return Entry(name, _octets(value, at))
    if isinstance(value, _Object):
        _fail(at, value.twice, "stands twice")
    for key in value.keys() - _WRAPPER_KEYS:
        _fail(at, key, f"unknown, a wrapper has {', '.join(sorted(_WRAPPER_KEYS))}")
    address, expires_in = value.get("address"), value.get("expires_in")
    if address is not None and not (isinstance(address, str) and address):
        _fail(at, "address", "not a text with the owner's address")
    if expires_in is not None and (
        isinstance(expires_in, bool)
        or not isinstance(expires_in, int)
        or not -_MAX_BLOCKS < expires_in < _MAX_BLOCKS
    ):
        _fail(at, "expires_in", "not a whole number of blocks")
    return Entry(name, _octets(value["value"], f"{at}: value"), address, expires_in)


def _octets(value: Any, at: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str | dict | list):
        raise RecordsFileError(f"{at}: not a text, an object or a list")
    try:
        if isinstance(value, str):
            return value.encode()
        _check_shape(value, at)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except UnicodeEncodeError:
        raise RecordsFileError(f"{at}: holds half of a surrogate pair, which is no text") from None
    except (ValueError, TypeError):
        raise RecordsFileError(f"{at}: holds something that JSON has no word for") from None


def _check_shape(value: dict[str, Any] | list[Any], at: str) -> None:
    """Refuse deep nesting and keys that stand twice, without recursion."""
    level: Iterable[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Iterable[Any]] = []
        for item in level:
            if isinstance(item, _Object):
                _fail(at, item.twice, "stands twice")
            if isinstance(item, dict):
                inner.append(item.values())
            elif isinstance(item, list):
                inner.append(item)
        if not inner:
            return
        level = list(chain.from_iterable(inner))
    raise RecordsFileError(f"{at}: nested deeper than {MAX_DEPTH} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) == len(pairs):
        return content
    marked = _Object(content)
    marked.twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
    return marked


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _fail(at: str, field: str, why: str) -> NoReturn:
    raise RecordsFileError(f"{at}: {field}: {why}")
