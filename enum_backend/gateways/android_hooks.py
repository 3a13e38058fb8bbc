"""Telling a phone where to report: https://docs.sms-gate.app/features/webhooks/"""

from __future__ import annotations

from hashlib import sha256

from enum_backend.gateways.android_api import Phone

EVENTS = ("sms:received", "sms:sent", "sms:delivered", "sms:failed")
"""What is asked for; every version of the app knows them."""


async def register(gateway: str, phone: Phone, url: str) -> list[str]:
    """Register `url` for each event, unless it is already; the ids of all registrations.

    An id follows from gateway, phone and event: a repeat, or another URL, replaces
    the registration of the same id.

    Raises:
        GatewayError: refused or no answer; never ambiguous.
    """
    wanted: list[dict[str, str]] = []
    for event in EVENTS:
        text = "\n".join((gateway, phone.device_id, event))
        hook = {"id": f"eb-{sha256(text.encode()).hexdigest()[:24]}", "url": url, "event": event}
        wanted.append(hook | ({"deviceId": phone.device_id} if phone.device_id else {}))
    listed = {str(item.get("id")): item for item in await phone.api.webhooks()}
    for hook in wanted:
        known = listed.get(hook["id"], {})
        if all(known.get(key) == value for key, value in hook.items()):
            continue
        reply = await phone.api.call("POST", "/webhooks", json=hook, repeatable=True)
        if reply.status >= 300:
            raise phone.api.refusal(reply)
    return [hook["id"] for hook in wanted]
