"""Format 4: SMS as an object, beside a `voice` that is often an ENUM regexp.

{"voice": "!^.*$!sip:user@domain.com!",
 "sms": {"provider": "telnyx", "number": "+1...", "forward_to": "user@example.com"}}
"""

from __future__ import annotations

from typing import Any

from nvs.formats.draft import Draft
from nvs.formats.json_parts import e164
from nvs.number_record import SmsRoute


def read_sms_object(sms: dict[str, Any], draft: Draft) -> SmsRoute:
    """A route; `gateway`, being the more exact word, goes before `provider`."""
    gateway = sms.get("gateway")
    provider = sms.get("provider")
    if gateway is not None and provider is not None:
        draft.note("$.sms.provider", "stands beside 'gateway', which goes before it")
    number = sms.get("number")
    forward_to = sms.get("forward_to")
    if forward_to is None:
        forward_to = []
    elif isinstance(forward_to, str):
        forward_to = [forward_to]
    return SmsRoute(
        gateway=str(gateway or provider).lower(),
        number=None if number is None else e164(number),
        forward_to=tuple(text for text in forward_to if text is not None),
        webhook=sms.get("webhook"),
    )
