"""Value formats: one file each, all of them becoming a `ParsedEntry`.

| format (`ParsedEntry.format`) | file | looks like |
|---|---|---|
| `enumer` | `enumer.py` | `E2U+sip=100|10|!^.*$!sip:a@b!` |
| `regexp` | `bare_regexp.py` | `"!^.*$!sip:a@b!"` |
| `voice-sms` | `json_short.py` | `{"voice": "sip:a@b", "sms": "telnyx:+1..."}` |
| `voice-sms-object` | `json_object.py` | `{"voice": ..., "sms": {"provider": ...}}` |
| `flat` | `json_flat.py` | `{"voice": ..., "sms_provider": ...}` |
| `naptr-rows` | `json_naptr.py` | `{"records": [...]}`, `{"naptr": [...]}` |
| `superset` | `json_superset.py` | lists, `services`, `ttl`, `sig`, or several shapes mixed |
"""

from __future__ import annotations

from nvs.formats.bare_regexp import looks_like_regexp, read_bare_regexp
from nvs.formats.draft import Draft, finish
from nvs.formats.enumer import looks_like_enumer, read_enumer
from nvs.formats.json_value import read_json
from nvs.number_record import DEFAULT_TTL, ENUMER_DEFAULT_TTL, ParsedEntry

__all__ = ["MAX_VALUE_OCTETS", "examine_entry", "parse_entry", "read_draft"]

MAX_VALUE_OCTETS = 20480
"""Emercoin's own limit of a value."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def parse_entry(name: str, value: str | bytes) -> ParsedEntry:
    """Read one NVS value in whichever format it is. Never raises.

    Args:
        name: NVS name; its number replaces back-references of simple patterns.
        value: hostile input, text or raw octets.
    """
    return examine_entry(name, value)[0]


def examine_entry(name: str, value: str | bytes) -> tuple[ParsedEntry, Draft]:
    """The same with the raw pieces it was made from, for the linter."""
    draft = read_draft(value)
    ttl = ENUMER_DEFAULT_TTL if draft.format == "enumer" else DEFAULT_TTL
    return finish(name, draft, ttl), draft


def read_draft(value: str | bytes) -> Draft:
    """Find the format and collect the pieces, unchecked."""
    draft = Draft()
    octets = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    if len(octets) > MAX_VALUE_OCTETS:
        draft.problem("$", f"has {len(octets)} octets, a value has at most {MAX_VALUE_OCTETS}")
        return draft
    if octets.startswith(_BYTE_ORDER_MARK):
        octets = octets.removeprefix(_BYTE_ORDER_MARK)
        draft.note("$", "starts with a byte order mark, which hides the first line from EmerDNS")
    text = octets.decode("utf-8", "replace").strip()
    if not text:
        draft.problem("$", "is empty")
    elif text[0] in "{[":
        read_json(octets, draft)
    elif looks_like_enumer(octets):
        read_enumer(octets, draft)
    elif looks_like_regexp(text):
        read_bare_regexp(text, draft)
    else:
        draft.problem(
            "$", "is neither JSON, ENUMER lines (E2U+sip=100|10|...) nor a regexp (!^.*$!sip:a@b!)"
        )
    return draft
