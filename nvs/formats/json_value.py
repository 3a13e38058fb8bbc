"""JSON from a stranger: guards before parsing, then the reader of formats 3 to 7.

Refused before the parser sees it: what is not UTF-8, and nesting deeper than 16
(10,000 `[` would exhaust the parser's stack). While parsing: NaN and Infinity,
integers of more than 18 digits (turning digits into an int takes quadratic time).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from nvs.formats.draft import Draft
from nvs.formats.json_check import Path, check_document
from nvs.formats.json_parts import json_path
from nvs.formats.json_superset import format_of, read_document

MAX_DEPTH = 16
MAX_INTEGER_DIGITS = 18

# An unfinished string counts to the end of the text, so that each character is seen once.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class InvalidJson(ValueError):
    """The text is not JSON that we read; the message says why."""


def read_json(value: bytes, draft: Draft) -> None:
    """Collect what a JSON value says; every failure is a problem of the draft."""
    duplicates: list[tuple[dict[str, Any], str]] = []
    try:
        doc = decode(value, duplicates)
    except InvalidJson as error:
        draft.problem("$", str(error))
        return
    if not isinstance(doc, dict):
        kind = "a list" if isinstance(doc, list) else "a single value"
        draft.problem("$", f"is {kind}, expected a JSON object")
        return
    draft.format = format_of(doc)
    if duplicates:
        paths = {id(node): path for path, node in _objects(doc, ())}
        for holder, key in duplicates:
            where = json_path((*paths.get(id(holder), ()), key))
            draft.problem(where, "stands more than once, only the last one counts")
    if check_document(doc, draft):
        read_document(doc, draft)


def decode(value: bytes, duplicates: list[tuple[dict[str, Any], str]]) -> Any:
    """Parse a JSON value; objects with a key twice are appended to `duplicates`.

    Raises:
        InvalidJson: not UTF-8, too deep, or not JSON.
    """
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise InvalidJson(f"is not UTF-8 from octet {error.start + 1} on") from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            duplicates.extend((found, key) for key in found if keys.count(key) > 1)
        return found

    try:
        return json.loads(
            text,
            object_pairs_hook=collect,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise InvalidJson(
            f"is not JSON: {error.msg} (line {error.lineno} column {error.colno})"
        ) from None


def _check_depth(text: str) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        first = match.group()[0]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidJson(f"is nested deeper than {MAX_DEPTH} levels")
        elif first != '"':
            depth -= 1


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_DIGITS:
        raise InvalidJson(
            f"has a number of {len(text)} characters, at most {MAX_INTEGER_DIGITS} are read"
        )
    return int(text)


def _float(text: str) -> int | float:
    number = float(text)
    # In JSON Schema 100.0 is an integer; make it one for us too.
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _constant(text: str) -> NoReturn:
    raise InvalidJson(f"has {text}, which is not JSON")


def _objects(node: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from _objects(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _objects(value, (*path, index))
