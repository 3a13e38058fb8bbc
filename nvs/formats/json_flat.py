"""Format 5: the SMS route in keys of its own.

{"voice": "sip:...", "sms_provider": "telnyx", "sms_number": "+1...", "sms_webhook": "https://..."}
"""

from __future__ import annotations

from typing import Any

from nvs.formats.draft import Draft
from nvs.formats.json_parts import e164
from nvs.number_record import SmsRoute

FLAT_KEYS = ("sms_provider", "sms_number", "sms_webhook")


def read_flat_sms(doc: dict[str, Any], draft: Draft) -> SmsRoute | None:
    """The route, None where nothing usable names a gateway."""
    if "sms_provider" not in doc:
        present = next(key for key in FLAT_KEYS if key in doc)
        draft.problem(f"$.{present}", "stands without 'sms_provider', which names the gateway")
        return None
    if doc["sms_provider"] is None:
        return None
    number = doc.get("sms_number")
    return SmsRoute(
        gateway=doc["sms_provider"].lower(),
        number=None if number is None else e164(number),
        webhook=doc.get("sms_webhook"),
    )
