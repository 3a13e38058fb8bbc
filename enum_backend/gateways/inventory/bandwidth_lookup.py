"""Bandwidth's look-up and proof of credentials: https://dev.bandwidth.com/apis/phone-number-lookup/"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from enum_backend.gateways.bandwidth import MESSAGES_URL, BandwidthGateway
from enum_backend.gateways.base import Cost
from enum_backend.gateways.inventory.base import Balance, LineLookup, LineReport, LineType

LOOKUP_URL = "https://api.bandwidth.com/v2/accounts/{account}/phoneNumberLookup"

LINE_TYPES: Mapping[str, LineType] = {
    "FIXED": LineType.LANDLINE,
    "MOBILE": LineType.MOBILE,
    "VOIP": LineType.VOIP,
    "VOIP-FIXED": LineType.VOIP,
}
"""`lineType` of the look-up."""


class BandwidthLookup(LineLookup[BandwidthGateway]):
    """`POST /v2/accounts/{id}/phoneNumberLookup`, paid."""

    provider: ClassVar[str] = "bandwidth"

    async def look_up(self, number: str) -> LineReport:
        """Line type and provider of today; a number nobody knows is `unknown`.

        Raises:
            GatewayError: refused or no answer.
        """
        gateway = self.gateway
        reply = await gateway.call(
            "POST",
            LOOKUP_URL.format(account=gateway.options.account_id),
            json={"phoneNumbers": [number]},
            repeatable=True,
        )
        if reply.status >= 300:
            raise gateway.refusal(reply, hide=(number,))
        body = reply.json_object()
        data = body.get("data")
        results = data.get("results") if isinstance(data, dict) else None
        for item in results if isinstance(results, list) else ():
            if isinstance(item, dict) and item.get("phoneNumber") == number:
                return _line(number, item)
        errors = body.get("errors")
        first = errors[0] if isinstance(errors, list) and errors else None
        code = str(first.get("code", "")) if isinstance(first, dict) else ""
        return LineReport(number, LineType.UNKNOWN, detail=code[:40])


class BandwidthBalance(Balance[BandwidthGateway]):
    """Bandwidth sends invoices: there is no balance, only a proof of the credentials."""

    provider: ClassVar[str] = "bandwidth"

    async def check(self) -> Cost | None:
        """`GET .../messages?limit=1`, always None.

        Raises:
            GatewayError: `auth_failed` when client or user are wrong; `forbidden`
                when they are right, but not for this account or its message list.
        """
        url = MESSAGES_URL.format(account=self.gateway.options.account_id)
        reply = await self.gateway.call("GET", f"{url}?limit=1", repeatable=True)
        if reply.status >= 300:
            raise self.gateway.refusal(reply)
        return None


def _line(number: str, item: Mapping[str, object]) -> LineReport:
    word = str(item.get("lineType", "")).upper()
    carrier = item.get("messagingProvider") or item.get("voiceProvider")
    event = item.get("deactivationEvent")
    return LineReport(
        number=number,
        line_type=LINE_TYPES.get(word, LineType.UNKNOWN),
        carrier=carrier if isinstance(carrier, str) else None,
        detail=event[:40] if isinstance(event, str) else "",
    )
