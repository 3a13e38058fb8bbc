"""Joining the parts of a long message, for providers that hand them over one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from enum_backend.gateways.webhooks.base import InboundSms

Group = tuple[str, str, str, int]


def group_of(sms: InboundSms) -> Group | None:
    """What the parts of one message have in common; None if `sms` is whole."""
    if sms.part is None:
        return None
    return (sms.sender, sms.to, sms.part.reference, sms.part.total)


def joined(parts: Iterable[InboundSms]) -> InboundSms | None:
    """The message that parts of one group make; None until all of them are there.

    Returns:
        Keys and times of the first part; equal whatever the order of arrival.
    """
    by_number = {sms.part.number: sms for sms in parts if sms.part is not None}
    first = by_number.get(1)
    if first is None or first.part is None or len(by_number) < first.part.total:
        return None
    ordered = [by_number[number] for number in sorted(by_number)]
    return replace(
        first,
        text="".join(sms.text for sms in ordered),
        segments=len(ordered),
        media=tuple(item for sms in ordered for item in sms.media),
        part=None,
    )
