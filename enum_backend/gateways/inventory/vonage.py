"""Vonage numbers, Number Insight and balance.

https://developer.vonage.com/en/api/numbers, https://developer.vonage.com/en/api/number-insight,
https://developer.vonage.com/en/api/developer/account
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, get_args

import phonenumbers

from enum_backend.gateways.base import Cost, GatewayError, Reason
from enum_backend.gateways.digits import digits_of
from enum_backend.gateways.http_replies import provider_text
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
from enum_backend.gateways.reading import money, objects, text
from enum_backend.gateways.vonage import VonageGateway

NUMBER_URL = "https://rest.nexmo.com/number/"
OWNED_URL = "https://rest.nexmo.com/account/numbers"
BALANCE_URL = "https://rest.nexmo.com/account/get-balance"
INSIGHT_URL = "https://api.nexmo.com/ni/standard/json"
PAGE_SIZE = 100
"""The most Vonage lists at once."""
PAGE_LIMIT = 1000

LINE_TYPES: Mapping[str, LineType] = {
    "mobile": LineType.MOBILE,
    "landline": LineType.LANDLINE,
    "virtual": LineType.VOIP,
    "landline_premium": LineType.PREMIUM,
    "landline_tollfree": LineType.TOLL_FREE,
    "pager": LineType.PAGER,
}
"""`current_carrier.network_type`."""

INSIGHT_REASONS: Mapping[str, Reason] = {
    "1": Reason.RATE_LIMITED,
    "3": Reason.INVALID_NUMBER,
    "4": Reason.AUTH_FAILED,
    "5": Reason.TEMPORARY_UNAVAILABLE,
    "9": Reason.INSUFFICIENT_FUNDS,
}
"""`status` of a look-up that failed; it comes with HTTP status 200."""

_PORTED = {
    "ported": True,
    "assumed_ported": True,
    "not_ported": False,
    "assumed_not_ported": False,
}


class VonageInventory(Inventory[VonageGateway]):
    """Numbers of the account; Vonage sells at once.

    With `api = "messages"` a number's messages go where its application says,
    else where the number says.
    """

    provider: ClassVar[str] = "vonage"

    async def search(self, query: NumberQuery) -> list[AvailableNumber]:
        """`GET /number/search`.

        Raises:
            GatewayError: refused or no answer; nothing on sale is an empty list.
        """
        country = query.country.upper()
        calling_code = phonenumbers.country_code_for_region(country)
        if not calling_code or not re.fullmatch(r"[0-9]{0,8}", query.area_code, re.ASCII):
            raise GatewayError(Reason.INVALID_REQUEST, "wants a country of two letters, and digits")
        features = sorted(query.features, key=("sms", "mms", "voice").index)
        wanted = {
            "country": country,
            # Patterns are matched from the country's calling code on.
            "pattern": f"{calling_code}{query.area_code}" if query.area_code else "",
            "features": ",".join(features).upper(),
            "size": str(min(max(query.quantity, 1), PAGE_SIZE)),
        }
        data = await self._call(
            "GET", f"{NUMBER_URL}search", {k: v for k, v in wanted.items() if v}
        )
        return [
            AvailableNumber(
                number,
                _features(item),
                monthly=money(item.get("cost"), self.gateway.options.currency),
            )
            for item in objects(data.get("numbers"))
            if (number := _number(item))
        ][: query.quantity]

    async def buy(self, number: str, webhook_url: str, failover_url: str = "") -> Order:
        """`POST /number/buy`, then `POST /number/update` for its webhook.

        Returns:
            `bought` if the webhook could not be set; `detail` says why.

        Raises:
            GatewayError: refused; `ambiguous` when nobody knows whether the number
                was bought: ask `order`.
        """
        digits = digits_of(number)
        await self._call("POST", f"{NUMBER_URL}buy", self._place_of(number))
        try:
            await self.set_up(number, webhook_url)
        except GatewayError as error:
            note = f"bought, but its webhook could not be set: {error.reason}"
            return Order(digits, number, OrderState.BOUGHT, note)
        note = "Vonage has no failover address for messages" if failover_url else ""
        return Order(digits, number, OrderState.DONE, note)

    async def set_up(self, number: str, webhook_url: str, failover_url: str = "") -> None:
        """`POST /number/update`: messages of a number of ours go to us; a repeat changes nothing.

        Raises:
            GatewayError: refused or no answer.
        """
        del failover_url  # there is none
        options = self.gateway.options
        by_application = options.api == "messages" and options.application_id
        target = (
            {"app_id": options.application_id} if by_application else {"moHttpUrl": webhook_url}
        )
        await self._call("POST", f"{NUMBER_URL}update", {**self._place_of(number), **target})

    async def order(self, order: Order) -> Order:
        """`bought` or done if the number is the account's, else failed.

        Raises:
            GatewayError: refused or no answer.
        """
        digits = digits_of(order.number)
        item = await self._item(digits)
        if not item:
            return Order(
                order.id, order.number, OrderState.FAILED, "the account has no such number"
            )
        set_up = item.get("moHttpUrl") or item.get("app_id")
        state = OrderState.DONE if set_up else OrderState.BOUGHT
        return Order(digits, order.number, state)

    async def owned(self) -> list[OwnedNumber]:
        """`GET /account/numbers`, page by page.

        Raises:
            GatewayError: refused, no answer, or a list that never ends.
        """
        found: list[OwnedNumber] = []
        seen = 0
        for page in range(1, PAGE_LIMIT + 1):
            data = await self._call("GET", OWNED_URL, {"size": str(PAGE_SIZE), "index": str(page)})
            listed = objects(data.get("numbers"))
            seen += len(listed)
            found += [
                OwnedNumber(number, _features(item), number[1:])
                for item in listed
                if (number := _number(item))
            ]
            total = data.get("count")
            if not listed or not isinstance(total, int) or seen >= total:
                return found
        raise GatewayError(Reason.UNKNOWN, "the list never ends")

    async def release(self, number: str) -> None:
        """`POST /number/cancel`.

        Raises:
            GatewayError: `invalid_number` when it is not the account's; refused; no answer.
        """
        digits = digits_of(number)
        item = await self._item(digits)
        if not item:
            raise GatewayError(Reason.INVALID_NUMBER, "the account has no such number")
        place = {"country": str(item.get("country")), "msisdn": digits}
        await self._call("POST", f"{NUMBER_URL}cancel", place)

    def _place_of(self, number: str) -> Mapping[str, str]:
        return {"country": _country(number), "msisdn": digits_of(number)}

    async def _item(self, digits: str) -> Mapping[str, Any]:
        """A number of ours as Vonage lists it; empty if it is none."""
        data = await self._call("GET", OWNED_URL, {"pattern": digits, "search_pattern": "0"})
        listed = objects(data.get("numbers"))
        return next((item for item in listed if str(item.get("msisdn")) == digits), {})

    async def _call(self, method: str, url: str, fields: Mapping[str, str]) -> Mapping[str, Any]:
        if method == "GET":
            return await self.gateway.call(method, url, query=fields)
        data = await self.gateway.call(method, url, form=fields)
        code = str(data.get("error-code", ""))
        if code == "200":
            return data
        if not code:
            raise GatewayError(Reason.UNKNOWN, "the reply is unclear", ambiguous=True)
        # 420 stands for unavailable numbers and for wrong parameters alike.
        reason = Reason.AUTH_FAILED if code == "401" else Reason.INVALID_REQUEST
        label = provider_text(data.get("error-code-label"), fields.values())
        raise GatewayError(reason, label, provider_code=code[:16])


class VonageLookup(LineLookup[VonageGateway]):
    """`GET /ni/standard/json`, paid. New accounts are offered Identity Insights instead."""

    provider: ClassVar[str] = "vonage"

    async def look_up(self, number: str) -> LineReport:
        """Line type and carrier of today.

        Raises:
            GatewayError: refused or no answer.
        """
        digits = digits_of(number)
        data = await self.gateway.call("GET", INSIGHT_URL, query={"number": digits}, hide=(digits,))
        status = str(data.get("status", ""))
        carrier = data.get("current_carrier")
        # 43 to 45: not everything was found out.
        if status not in {"0", "43", "44", "45"} or not isinstance(carrier, dict):
            raise GatewayError(
                INSIGHT_REASONS.get(status, Reason.UNKNOWN),
                provider_text(data.get("status_message"), (digits,)),
                provider_code=status[:16] or None,
            )
        return LineReport(
            number,
            LINE_TYPES.get(text(carrier.get("network_type")), LineType.UNKNOWN),
            carrier=text(carrier.get("name")) or None,
            ported=_PORTED.get(text(data.get("ported"))),
            cost=money(data.get("request_price"), self.gateway.options.currency),
        )


class VonageBalance(Balance[VonageGateway]):
    """`GET /account/get-balance`."""

    provider: ClassVar[str] = "vonage"

    async def check(self) -> Cost | None:
        """`value`, None if the reply does not hold it.

        Raises:
            GatewayError: `auth_failed` when the credentials are wrong; refused; no answer.
        """
        data = await self.gateway.call("GET", BALANCE_URL)
        return money(data.get("value"), self.gateway.options.currency)


def _country(number: str) -> str:
    """The country whose numbering plan has `+E.164`; of a shared plan its main one in doubt."""
    parsed = phonenumbers.parse(number)
    region = phonenumbers.region_code_for_number(parsed)
    return region or phonenumbers.region_code_for_country_code(parsed.country_code or 0)


def _number(item: Mapping[str, Any]) -> str:
    digits = str(item.get("msisdn"))
    return f"+{digits}" if re.fullmatch(r"[1-9][0-9]{3,14}", digits, re.ASCII) else ""


def _features(item: Mapping[str, Any]) -> frozenset[Feature]:
    listed = item.get("features")
    known = {str(name).lower() for name in listed} if isinstance(listed, list) else set()
    return frozenset(name for name in get_args(Feature) if name in known)
