"""Check a JSON value against the published schema, and lose only the parts in error.

Each schema error becomes one problem: the exact JSON path, and what was
expected there (the `title` of that place in the schema). The smallest part
around it whose loss leaves the rest meaning what it said is set to None, which
no valid part ever is, so readers just skip it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Any

from jsonschema import ValidationError

from nvs.formats.draft import MAX_PROBLEMS, MAX_SERVICES, Draft
from nvs.formats.json_parts import json_path
from nvs.naptr_text import shown
from nvs.number_record import Problem
from nvs.schema import validator

MAX_ITEMS = MAX_SERVICES
"""Longer lists and objects are cut here."""

MAX_ERRORS = 256
"""A value with more schema errors is not worth the time."""

Path = tuple[str | int, ...]

_ROUTE_KEYS = ("sms_provider", "sms_number")


def check_document(doc: dict[str, Any], draft: Draft) -> bool:
    """Report and void every part in error; False if the whole document is refused."""
    _shorten(doc, (), draft)
    errors = list(islice(validator().iter_errors(doc), MAX_ERRORS + 1))
    if len(errors) > MAX_ERRORS:
        draft.problem("$", f"has more than {MAX_ERRORS} errors, nothing of it is read")
        return False
    seen: set[Problem] = set()
    parts: list[Path] = []
    for error in errors:
        for problem in _problems(error, hints=len(seen) < MAX_PROBLEMS):
            if problem not in seen:
                seen.add(problem)
                draft.problems.append(problem)
        if error.validator != "additionalProperties":
            parts.append(_part(doc, tuple(error.absolute_path)))
    for part in parts:
        _void(doc, part)
    return True


def _problems(error: ValidationError, *, hints: bool) -> Iterable[Problem]:
    path = tuple(error.absolute_path)
    instance: Any = error.instance
    schema: Any = error.schema
    if error.validator == "additionalProperties":
        known = list(schema["properties"])
        for key in instance:
            if key not in known:
                yield Problem(json_path((*path, key)), _unknown_key(key, known if hints else []))
    elif error.validator == "required":
        for key in schema["required"]:
            if key not in instance:
                yield Problem(json_path(path), f"lacks {key!r}, expected {schema['title']}")
    else:
        yield Problem(json_path(path), f"expected {schema['title']}, got {_got(instance)}")


def _unknown_key(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key[:40].lower(), known, n=1)
    if near:
        return f"unknown key, did you mean {near[0]!r}?"
    return f"unknown key, known are: {', '.join(known)}" if known else "unknown key"


def _got(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return shown(value)


def _part(doc: dict[str, Any], path: Path) -> Path:
    """The part to lose for an error at `path`: one service, one destination, or one key."""
    head = path[:1]
    if head == ("sms",):
        if path[1:2] == ("forward_to",):
            return path[:3]
        return path[:2] if path[1:2] == ("webhook",) else head
    if head in (("voice",), ("services",), ("records",), ("naptr",)):
        value = doc[str(path[0])]
        if isinstance(value, list):
            return path[:2]
        if head == ("services",) and len(path) > 1:
            return path[:3]
    return head


def _void(doc: dict[str, Any], part: Path) -> None:
    if not part:
        return
    if part[0] in _ROUTE_KEYS:
        # A gateway without the number that was meant would carry the wrong one.
        doc.update(dict.fromkeys(_ROUTE_KEYS))
        return
    holder: Any = doc
    for step in part[:-1]:
        holder = holder[step]
        if holder is None:
            return
    holder[part[-1]] = None


def _shorten(value: Any, path: Path, draft: Draft) -> None:
    if not isinstance(value, list | dict):
        return
    if len(value) > MAX_ITEMS:
        draft.problem(
            json_path(path), f"has {len(value)} items, only the first {MAX_ITEMS} are read"
        )
        if isinstance(value, list):
            del value[MAX_ITEMS:]
        else:
            for key in list(value)[MAX_ITEMS:]:
                del value[key]
    items = enumerate(value) if isinstance(value, list) else value.items()
    for step, item in items:
        _shorten(item, (*path, step), draft)
