"""Format 3: `{"voice": "sip:user@domain.com", "sms": "telnyx:+14155551234"}`.

`sms` is `<gateway or provider>:<number>`.
"""

from __future__ import annotations

from nvs.formats.draft import Draft
from nvs.formats.json_parts import candidate, e164
from nvs.number_record import SmsRoute


def read_voice_text(text: str, draft: Draft) -> None:
    """One voice service, named by its URI's scheme."""
    draft.candidates.append(candidate("$.voice", text))


def read_sms_text(text: str) -> SmsRoute:
    """`Telnyx:14155551234` -> gateway `telnyx`, number `+14155551234`."""
    gateway, _, number = text.partition(":")
    return SmsRoute(gateway.lower(), e164(number))
