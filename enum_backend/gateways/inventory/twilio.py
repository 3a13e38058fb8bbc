"""Twilio numbers, Lookup v2 and balance.

https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource,
https://www.twilio.com/docs/lookup/v2-api/line-type-intelligence
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, get_args

from enum_backend.gateways.base import Cost, GatewayError, Reason
from enum_backend.gateways.inventory.base import (
    AvailableNumber,
    Balance,
    Feature,
    Inventory,
    LineLookup,
    LineReport,
    LineType,
    NumberQuery,
    Order,
    OrderState,
    OwnedNumber,
)
from enum_backend.gateways.reading import mapping, money, objects, text
from enum_backend.gateways.twilio import API_VERSION, TwilioGateway
from enum_backend.gateways.twilio_errors import code_of

LOOKUP_URL = "https://lookups.twilio.com/v2/PhoneNumbers/"
PAGE_SIZE = 50
"""Numbers asked for at once: about 2 kB each, so that a page stays below `BODY_LIMIT`."""
PAGE_LIMIT = 1000

LINE_TYPES: Mapping[str, LineType] = {
    "mobile": LineType.MOBILE,
    "landline": LineType.LANDLINE,
    "fixedVoip": LineType.VOIP,
    "nonFixedVoip": LineType.VOIP,
    "tollFree": LineType.TOLL_FREE,
    "premium": LineType.PREMIUM,
    "sharedCost": LineType.SHARED_COST,
    "personal": LineType.PERSONAL,
    "pager": LineType.PAGER,
    "uan": LineType.UAN,
    "voicemail": LineType.VOICEMAIL,
}
"""`line_type_intelligence.type`."""

_NUMBER = re.compile(r"\+[1-9][0-9]{3,14}")


class TwilioInventory(Inventory[TwilioGateway]):
    """Numbers of the account; Twilio sells at once, so that orders are done or refused."""

    provider: ClassVar[str] = "twilio"

    async def search(self, query: NumberQuery) -> list[AvailableNumber]:
        """`GET .../AvailablePhoneNumbers/{country}/{kind}.json`.

        Where the North American plan does not hold, SMS numbers are sold as
        `Mobile`, so that kind is asked for first.

        Raises:
            GatewayError: refused or no answer; nothing on sale is an empty list.
        """
        country = query.country.upper()
        if not re.fullmatch(r"[A-Z]{2}", country) or not re.fullmatch(r"\d{0,8}", query.area_code):
            raise GatewayError(Reason.INVALID_REQUEST, "wants a country of two letters, and digits")
        american = country in {"US", "CA"}
        wanted = {"PageSize": str(min(max(query.quantity, 1), PAGE_SIZE))}
        if query.area_code:
            wanted["AreaCode" if american else "Contains"] = query.area_code
        wanted |= {f"{feature.capitalize()}Enabled": "true" for feature in sorted(query.features)}
        found: list[AvailableNumber] = []
        for kind in ("Local",) if american else ("Mobile", "Local"):
            if len(found) < query.quantity:
                found += await self._on_sale(f"{country}/{kind}", wanted)
        return found[: query.quantity]

    async def buy(self, number: str, webhook_url: str, failover_url: str = "") -> Order:
        """`POST .../IncomingPhoneNumbers.json`; its inbound messages come to us from the start.

        Raises:
            GatewayError: refused; `ambiguous` when nobody knows whether the number
                was bought: ask `order`.
        """
        fields = {
            "PhoneNumber": checked_number(number),
            "SmsUrl": webhook_url,
            "SmsMethod": "POST",
            "SmsFallbackUrl": failover_url,
            "SmsFallbackMethod": "POST" if failover_url else "",
            "AddressSid": self.gateway.options.address_sid,
            "BundleSid": self.gateway.options.bundle_sid,
        }
        data = await self.gateway.call(
            "POST",
            "IncomingPhoneNumbers.json",
            form={key: value for key, value in fields.items() if value},
        )
        sid = text(data.get("sid"))
        if not sid:
            raise GatewayError(Reason.UNKNOWN, "bought, but the reply has no id", ambiguous=True)
        return Order(sid, number, OrderState.DONE)

    async def order(self, order: Order) -> Order:
        """Done if the number is the account's, else failed.

        Raises:
            GatewayError: refused or no answer.
        """
        sid = await self._sid(order.number)
        if sid:
            return Order(sid, order.number, OrderState.DONE)
        return Order(order.id, order.number, OrderState.FAILED, "the account has no such number")

    async def owned(self) -> list[OwnedNumber]:
        """`GET .../IncomingPhoneNumbers.json`, page by page.

        Raises:
            GatewayError: refused, no answer, or pages that lead elsewhere.
        """
        home = f"/{API_VERSION}/Accounts/{self.gateway.options.account_sid}/IncomingPhoneNumbers"
        path, query = "IncomingPhoneNumbers.json", {"PageSize": str(PAGE_SIZE)}
        found: list[OwnedNumber] = []
        for _ in range(PAGE_LIMIT):
            page = await self.gateway.call("GET", path, query=query)
            found += [
                OwnedNumber(number, _features(item), text(item.get("sid")) or None)
                for item in objects(page.get("incoming_phone_numbers"))
                if (number := text(item.get("phone_number")))
            ]
            path, query = text(page.get("next_page_uri")), {}
            if not path:
                return found
            # Credentials go where this leads.
            if not path.startswith(home):
                break
        raise GatewayError(Reason.UNKNOWN, "the list of numbers leads elsewhere or never ends")

    async def release(self, number: str) -> None:
        """`DELETE .../IncomingPhoneNumbers/{sid}.json`.

        Raises:
            GatewayError: `invalid_number` when it is not the account's; refused; no answer.
        """
        sid = await self._sid(number)
        if not sid:
            raise GatewayError(Reason.INVALID_NUMBER, "the account has no such number")
        await self.gateway.call("DELETE", f"IncomingPhoneNumbers/{sid}.json")

    async def _on_sale(self, place: str, wanted: Mapping[str, str]) -> list[AvailableNumber]:
        try:
            data = await self.gateway.call(
                "GET", f"AvailablePhoneNumbers/{place}.json", query=wanted
            )
        except GatewayError as error:
            # 404: this kind is not sold in this country.
            if error.provider_code in {"404", "20404", "21452"}:
                return []
            raise
        return [
            AvailableNumber(
                number,
                _features(item),
                region=text(item.get("region")) or text(item.get("iso_country")) or None,
                locality=text(item.get("locality")) or None,
            )
            for item in objects(data.get("available_phone_numbers"))
            if (number := text(item.get("phone_number")))
        ]

    async def _sid(self, number: str) -> str:
        """The `PN...` of a number of the account, empty if there is none."""
        data = await self.gateway.call(
            "GET", "IncomingPhoneNumbers.json", query={"PhoneNumber": checked_number(number)}
        )
        for item in objects(data.get("incoming_phone_numbers")):
            sid = text(item.get("sid"))
            # The filter also matches parts of numbers.
            if item.get("phone_number") == number and re.fullmatch(r"PN[0-9a-zA-Z]{1,64}", sid):
                return sid
        return ""


class TwilioLookup(LineLookup[TwilioGateway]):
    """`GET https://lookups.twilio.com/v2/PhoneNumbers/{number}`, paid."""

    provider: ClassVar[str] = "twilio"

    async def look_up(self, number: str) -> LineReport:
        """Line type and carrier of today; Twilio does not say whether a number was ported.

        Raises:
            GatewayError: refused or no answer.
        """
        data = await self.gateway.call(
            "GET",
            f"{LOOKUP_URL}{checked_number(number)}",
            query={"Fields": "line_type_intelligence"},
        )
        if data.get("valid") is False:
            problems = data.get("validation_errors")
            words = " ".join(map(str, problems)) if isinstance(problems, list) else ""
            return LineReport(number, LineType.UNKNOWN, detail=f"not valid {words[:100]}".strip())
        line = mapping(data.get("line_type_intelligence"))
        code = code_of(line.get("error_code"))
        detail = f"error {code}" if code else ""
        if code == "60601":
            detail += ": Canadian numbers need Twilio's approval"
        return LineReport(
            number,
            LINE_TYPES.get(text(line.get("type")), LineType.UNKNOWN),
            carrier=text(line.get("carrier_name")) or None,
            detail=detail or ("nomadic VoIP" if line.get("type") == "nonFixedVoip" else ""),
        )


class TwilioBalance(Balance[TwilioGateway]):
    """`GET .../Balance.json`."""

    provider: ClassVar[str] = "twilio"

    async def check(self) -> Cost | None:
        """Money left; negative for accounts that are billed later.

        Raises:
            GatewayError: `auth_failed` when the credentials are wrong; refused; no answer.
        """
        data = await self.gateway.call("GET", "Balance.json")
        return money(data.get("balance"), text(data.get("currency")) or "USD")


def checked_number(number: str) -> str:
    """The number, if it may stand in a path.

    Raises:
        GatewayError: `invalid_number`.
    """
    if not _NUMBER.fullmatch(number):
        raise GatewayError(Reason.INVALID_NUMBER, "a number is + and 4 to 15 digits")
    return number


def _features(item: Mapping[str, Any]) -> frozenset[Feature]:
    able = item.get("capabilities")
    # Written in capitals by the older API versions.
    names = {str(name).lower() for name, on in able.items() if on} if isinstance(able, dict) else ()
    return frozenset(feature for feature in get_args(Feature) if feature in names)
