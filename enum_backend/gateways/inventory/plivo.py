"""Plivo numbers, look-up and balance.

https://www.plivo.com/docs/numbers/api/phone-number, https://www.plivo.com/docs/lookup
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, ClassVar, get_args

from enum_backend.gateways.base import Cost, GatewayError, Reason
from enum_backend.gateways.digits import digits_of
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
from enum_backend.gateways.plivo import PlivoGateway
from enum_backend.gateways.reading import mapping, money, text

LOOKUP_URL = "https://lookup.plivo.com/v1/Number/"
PAGE_SIZE = 20
"""The most Plivo lists at once."""
PAGE_LIMIT = 1000

LINE_TYPES: Mapping[str, LineType] = {
    "mobile": LineType.MOBILE,
    "fixed": LineType.LANDLINE,
    "landline": LineType.LANDLINE,
    "voip": LineType.VOIP,
}
"""`carrier.type`."""

_BOUGHT = frozenset({"fulfilled", "success"})


class PlivoInventory(Inventory[PlivoGateway]):
    """Numbers of the account. A number's messages go where its application says."""

    provider: ClassVar[str] = "plivo"

    async def search(self, query: NumberQuery) -> list[AvailableNumber]:
        """`GET .../PhoneNumber/`.

        Raises:
            GatewayError: refused or no answer; nothing on sale is an empty list.
        """
        wanted = {
            "country_iso": query.country.upper(),
            "pattern": query.area_code,
            "services": ",".join(sorted(query.features, key=("voice", "sms", "mms").index)),
        }
        found: list[AvailableNumber] = []
        pages = self._pages("PhoneNumber/", {k: v for k, v in wanted.items() if v})
        async with aclosing(pages):
            async for item in pages:
                if len(found) >= query.quantity:
                    break
                if number := _number(item):
                    found.append(
                        AvailableNumber(
                            number,
                            _features(item),
                            region=text(item.get("region")) or None,
                            locality=text(item.get("city")) or None,
                            monthly=money(item.get("monthly_rental_rate")),
                            setup=money(item.get("setup_rate")),
                        )
                    )
        return found

    async def buy(self, number: str, webhook_url: str, failover_url: str = "") -> Order:
        """`POST .../PhoneNumber/{number}/` with an application that calls `webhook_url`.

        The application is made once and used for further numbers. Plivo calls no
        second address for messages, which the order's detail says if one is given.

        Raises:
            GatewayError: refused; `ambiguous` when nobody knows whether the number
                was bought: ask `order`.
        """
        digits = digits_of(number)
        application = await self._application(webhook_url)
        data = await self.gateway.call(
            "POST", f"PhoneNumber/{digits}/", body={"app_id": application}
        )
        numbers = data.get("numbers")
        first = numbers[0] if isinstance(numbers, list) and numbers else {}
        word = text(first.get("status") if isinstance(first, dict) else "").lower()
        if not word and not text(data.get("status")):
            raise GatewayError(Reason.UNKNOWN, "bought, but the reply is unclear", ambiguous=True)
        bought = (word or text(data.get("status")).lower()) in _BOUGHT
        return Order(
            digits,
            number,
            OrderState.DONE if bought else OrderState.PENDING,
            "Plivo has no failover address for messages" if failover_url else "",
        )

    async def order(self, order: Order) -> Order:
        """Done once the number is the account's.

        Raises:
            GatewayError: refused or no answer.
        """
        digits = digits_of(order.number)
        try:
            await self.gateway.call("GET", f"Number/{digits}/")
        except GatewayError as error:
            if error.provider_code != "404":
                raise
            return Order(order.id, order.number, OrderState.PENDING, "not the account's yet")
        return Order(digits, order.number, OrderState.DONE)

    async def owned(self) -> list[OwnedNumber]:
        """`GET .../Number/`, page by page.

        Raises:
            GatewayError: refused, no answer, or a list that never ends.
        """
        return [
            OwnedNumber(number, _features(item), number[1:])
            async for item in self._pages("Number/", {})
            if (number := _number(item))
        ]

    async def release(self, number: str) -> None:
        """`DELETE .../Number/{number}/`.

        Raises:
            GatewayError: `invalid_number` when it is not the account's; refused; no answer.
        """
        digits = digits_of(number)
        try:
            await self.gateway.call("DELETE", f"Number/{digits}/")
        except GatewayError as error:
            if error.provider_code != "404":
                raise
            found = False
        else:
            found = True
        if not found:
            raise GatewayError(Reason.INVALID_NUMBER, "the account has no such number")

    async def _application(self, webhook_url: str) -> str:
        """The id of an application that sends inbound messages to `webhook_url`."""
        pages = self._pages("Application/", {})
        async with aclosing(pages):
            async for item in pages:
                app_id = text(item.get("app_id"))
                if app_id and item.get("message_url") == webhook_url:
                    return app_id
        # TRAP: Plivo takes letters, digits, - and _ only, and no name twice.
        name = re.sub(r"[^0-9A-Za-z_-]+", "-", f"enum-backend-{webhook_url}")[-60:].strip("-")
        made = await self.gateway.call(
            "POST",
            "Application/",
            body={"app_name": name, "message_url": webhook_url, "message_method": "POST"},
        )
        app_id = text(made.get("app_id"))
        if not app_id:
            raise GatewayError(Reason.UNKNOWN, "the reply names no application")
        return app_id

    async def _pages(
        self, path: str, query: Mapping[str, str]
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """Objects of all pages, asked for as they are used."""
        for page in range(PAGE_LIMIT):
            place = {"limit": str(PAGE_SIZE), "offset": str(page * PAGE_SIZE)}
            data = await self.gateway.call("GET", path, query={**query, **place})
            objects = data.get("objects")
            listed = objects if isinstance(objects, list) else []
            for item in listed:
                if isinstance(item, dict):
                    yield item
            meta = data.get("meta")
            if not listed or not isinstance(meta, dict) or not meta.get("next"):
                return
        raise GatewayError(Reason.UNKNOWN, "the list never ends")


class PlivoLookup(LineLookup[PlivoGateway]):
    """`GET https://lookup.plivo.com/v1/Number/{number}?type=carrier`, paid."""

    provider: ClassVar[str] = "plivo"

    async def look_up(self, number: str) -> LineReport:
        """Line type and carrier of today.

        Raises:
            GatewayError: refused or no answer.
        """
        digits = digits_of(number)
        data = await self.gateway.call("GET", f"{LOOKUP_URL}+{digits}", query={"type": "carrier"})
        carrier = mapping(data.get("carrier"))
        ported = {"yes": True, "true": True, "no": False, "false": False}
        return LineReport(
            number,
            LINE_TYPES.get(text(carrier.get("type")).lower(), LineType.UNKNOWN),
            carrier=text(carrier.get("name")) or None,
            ported=ported.get(str(carrier.get("ported")).lower()),
        )


class PlivoBalance(Balance[PlivoGateway]):
    """`GET /v1/Account/{auth_id}/`."""

    provider: ClassVar[str] = "plivo"

    async def check(self) -> Cost | None:
        """`cash_credits` in USD, None if the reply does not hold them.

        Raises:
            GatewayError: `auth_failed` when the credentials are wrong; refused; no answer.
        """
        return money((await self.gateway.call("GET", "")).get("cash_credits"))


def _number(item: Mapping[str, Any]) -> str:
    digits = str(item.get("number")).removeprefix("+")
    return f"+{digits}" if re.fullmatch(r"[1-9][0-9]{3,14}", digits, re.ASCII) else ""


def _features(item: Mapping[str, Any]) -> frozenset[Feature]:
    return frozenset(name for name in get_args(Feature) if item.get(f"{name}_enabled") is True)
