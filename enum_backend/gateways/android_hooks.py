"""Telling phones where to report: https://docs.sms-gate.app/features/webhooks/"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from enum_backend.gateways.android_api import Phone
from enum_backend.gateways.base import GatewayError

EVENTS = ("sms:received", "sms:sent", "sms:delivered", "sms:failed")
"""What is asked for; every version of the app knows them."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Where one phone reports.

    Attributes:
        registered, missing: events that come to us, and those that do not.
        elsewhere: other addresses that get events of ours as well or instead; they
            may be another program's.
    """

    phone: str
    registered: tuple[str, ...]
    missing: tuple[str, ...]
    elsewhere: tuple[str, ...]


async def standing(phone: Phone, url: str) -> Hooks:
    """What is registered now; changes nothing.

    Raises:
        GatewayError: refused or no answer.
    """
    listed = await phone.api.webhooks()
    there = [event for event in EVENTS if _of(phone, listed, event, url)]
    others = {
        str(item.get("url"))
        for item in listed
        if item.get("event") in EVENTS and item.get("url") != url and _covers(phone, item)
    }
    missing = tuple(event for event in EVENTS if event not in there)
    return Hooks(phone.device_id, tuple(there), missing, tuple(sorted(others)))


async def register(gateway: str, phone: Phone, url: str) -> list[str]:
    """Register `url` for each event, unless it is already; the ids of all registrations.

    An id follows from gateway, phone and event: a repeat, or another URL, replaces
    the registration of the same id. One that a person made for the same URL is kept.

    Raises:
        GatewayError: refused or no answer; never ambiguous.
    """
    listed = await phone.api.webhooks()
    ids: list[str] = []
    for event in EVENTS:
        known = _of(phone, listed, event, url)
        if known is not None:
            ids.append(str(known.get("id")))
            continue
        text = "\n".join((gateway, phone.device_id, event))
        hook = {"id": f"eb-{sha256(text.encode()).hexdigest()[:24]}", "url": url, "event": event}
        if phone.device_id:
            hook["deviceId"] = phone.device_id
        reply = await phone.api.call("POST", "/webhooks", json=hook, repeatable=True)
        if reply.status >= 300:
            raise phone.api.refusal(reply)
        ids.append(hook["id"])
    return ids


async def register_all(gateway: str, phones: Iterable[Phone], url: str) -> list[str]:
    """The same for every phone; one that fails does not keep the others from it.

    Raises:
        GatewayError: the first failure, after all were tried.
    """
    ids: list[str] = []
    failures: list[GatewayError] = []
    for phone in phones:
        try:
            ids += await register(gateway, phone, url)
        except GatewayError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return list(dict.fromkeys(ids))


def _of(
    phone: Phone, listed: Sequence[Mapping[str, Any]], event: str, url: str
) -> Mapping[str, Any] | None:
    """The registration that brings us `event` of this phone."""
    return next(
        (
            item
            for item in listed
            if item.get("event") == event and item.get("url") == url and _covers(phone, item)
        ),
        None,
    )


def _covers(phone: Phone, item: Mapping[str, Any]) -> bool:
    """Whether a registration is for this phone: its own, or one for all of the account."""
    return item.get("deviceId") in (None, "", phone.device_id)
