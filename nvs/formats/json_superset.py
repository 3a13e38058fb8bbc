"""Format 7: our own superset of formats 3 to 6, and so the reader of every JSON value.

    {"voice": ["sip:a@b", {"uri": "h323:gw.b", "order": 100, "preference": 50}],
     "services": {"email:mailto": "mailto:x@y"},
     "sms": {"gateway": "telnyx-eu", "forward_to": ["x@y", "+1..."]},
     "ttl": 600, "sig": "ver:x|base64"}

Documents arrive checked against the schema, with the parts in error set to
None (`nvs.formats.json_check`). Services keep the order of the document.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nvs.formats.draft import Draft
from nvs.formats.json_flat import FLAT_KEYS, read_flat_sms
from nvs.formats.json_naptr import read_rows
from nvs.formats.json_object import read_sms_object
from nvs.formats.json_parts import candidate, json_path
from nvs.formats.json_short import read_sms_text, read_voice_text
from nvs.formats.signatures import read_signatures


def format_of(doc: dict[str, Any]) -> str:
    """The word for `ParsedEntry.format`; judged by keys and types alone, before any check."""
    sms = doc.get("sms")
    flat = any(key in doc for key in FLAT_KEYS)
    rows = "records" in doc or "naptr" in doc
    simple = "voice" in doc or "sms" in doc or flat
    if not simple and not rows:
        return "superset" if doc.keys() & {"services", "ttl", "sig"} else "unknown"
    beyond = (
        isinstance(doc.get("voice"), list | dict)
        or (isinstance(sms, dict) and isinstance(sms.get("forward_to"), list))
        or "services" in doc
        or "sig" in doc
        or ("ttl" in doc and simple)
    )
    if beyond or (rows and simple) or ("sms" in doc and flat):
        return "superset"
    if rows:
        return "naptr-rows"
    if flat:
        return "flat"
    return "voice-sms-object" if isinstance(sms, dict) else "voice-sms"


def read_document(doc: dict[str, Any], draft: Draft) -> None:
    """Collect everything a checked document says."""
    for key, part in doc.items():
        if key in _READERS and part is not None:
            _READERS[key](part, draft)
    if any(key in doc for key in FLAT_KEYS):
        if draft.sms is None:
            draft.sms = read_flat_sms(doc, draft)
        else:
            draft.note("$.sms", "stands beside sms_... keys and goes before them")


def _read_voice(voice: Any, draft: Draft) -> None:
    if isinstance(voice, str):
        read_voice_text(voice, draft)
    elif isinstance(voice, dict):
        _read_target("$.voice", voice, draft)
    else:
        for index, item in enumerate(voice):
            _read_target(json_path(("voice", index)), item, draft)


def _read_services(services: Any, draft: Draft) -> None:
    if isinstance(services, list):
        for index, item in enumerate(services):
            _read_target(json_path(("services", index)), item, draft)
        return
    for name, targets in services.items():
        where = json_path(("services", name))
        if not isinstance(targets, list):
            _read_target(where, targets, draft, name)
        else:
            for index, target in enumerate(targets):
                _read_target(f"{where}[{index}]", target, draft, name)


def _read_target(where: str, target: Any, draft: Draft, service: str | None = None) -> None:
    if isinstance(target, str):
        draft.candidates.append(candidate(where, target, service))
    elif target is not None:
        draft.candidates.append(
            candidate(
                where,
                target["uri"],
                target.get("service"),
                target.get("order"),
                target.get("preference"),
            )
        )


def _read_sms(sms: Any, draft: Draft) -> None:
    draft.sms = read_sms_text(sms) if isinstance(sms, str) else read_sms_object(sms, draft)


def _read_ttl(ttl: int, draft: Draft) -> None:
    draft.ttl = ttl


_READERS: dict[str, Callable[[Any, Draft], None]] = {
    "voice": _read_voice,
    "services": _read_services,
    "sms": _read_sms,
    "records": lambda rows, draft: read_rows("records", rows, draft),
    "naptr": lambda rows, draft: read_rows("naptr", rows, draft),
    "ttl": _read_ttl,
    "sig": lambda text, draft: read_signatures(text, "$.sig", "sig", draft),
}
