"""The difference between two configurations, without their secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import unified_diff
from typing import Any

MASK = "********"
_SECRET = re.compile(
    r"(pass|password|passpin|secret|token|key|auth|authorization|authhash|credentials|apihash"
    r"|kid|sid|session|phrase)$|^(id|auth_id|url)$|secret|credential",
    re.IGNORECASE,
)
_SECRET_URL = re.compile(r"://[^/?#\s]*@|://.*\?", re.DOTALL)
_MISSING = object()


def difference(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> str:
    """A unified diff of both as they are written; empty when nothing changes.

    A secret is shown as `********`; one that changes, as `******** (old)` and `(new)`.
    """
    old = _text(_masked(before, after, "(old)"))
    new = _text(_masked(after, before, "(new)"))
    return "".join(unified_diff(old, new, name, f"{name} (new)"))


def _masked(value: Any, other: Any, which: str, secret: bool = False) -> Any:
    if isinstance(value, dict):
        others = other if isinstance(other, dict) else {}
        return {
            key: _masked(
                item, others.get(key, _MISSING), which, secret or _SECRET.search(key) is not None
            )
            for key, item in value.items()
        }
    if isinstance(value, list):
        rest = other if isinstance(other, list) else []
        return [
            _masked(item, rest[index] if index < len(rest) else _MISSING, which, secret)
            for index, item in enumerate(value)
        ]
    if isinstance(value, bool) or value is None or value == "":
        return value
    if not secret and not (isinstance(value, str) and _SECRET_URL.search(value)):
        return value
    return MASK if value == other or other is _MISSING else f"{MASK} {which}"


def _text(document: Any) -> list[str]:
    return [f"{line}\n" for line in json.dumps(document, indent=2, ensure_ascii=False).split("\n")]
