"""Format 6: NAPTR rows, as objects or as lists.

{"records": [{"order": 100, "pref": 10, "flags": "u", "service": "E2U+sip", "regexp": "..."}]}
{"naptr": [[100, 10, "u", "E2U+sip", "...", "."]]}
"""

from __future__ import annotations

from typing import Any

from nvs.formats.draft import Candidate, Draft
from nvs.formats.json_parts import json_path


def read_rows(key: str, rows: list[Any], draft: Draft) -> None:
    """One candidate a row; rows in error are None by now."""
    for index, row in enumerate(rows):
        if row is None:
            continue
        if isinstance(row, dict):
            preference = row["pref"] if "pref" in row else row["preference"]
            order, service, regexp = row["order"], row["service"], row["regexp"]
        else:
            order, preference, _flags, service, regexp = row[:5]
        where = json_path((key, index))
        draft.candidates.append(Candidate(where, service, regexp, None, order, preference))
