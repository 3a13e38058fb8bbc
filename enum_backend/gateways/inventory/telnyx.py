"""Telnyx numbers, number look-up and balance: https://developers.telnyx.com/api-reference/"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, get_args
from urllib.parse import quote

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
from enum_backend.gateways.telnyx import TelnyxGateway

PAGE_SIZE = 100
"""Numbers asked for at once: about 1 kB each, so that a page stays below `BODY_LIMIT`."""

SEARCH_LIMIT = 200
"""The most offers asked for, for the same reason."""

ORDER_STATES: Mapping[str, OrderState] = {
    "pending": OrderState.PENDING,
    "success": OrderState.DONE,
    "failure": OrderState.FAILED,
}
"""`status` of an order, and of each number in it."""

IN_SERVICE = frozenset({"active", "emergency-only", "port-out-pending"})
"""`status` of numbers that are ours now; the others are coming, gone, or never came."""

LINE_TYPES: Mapping[str, LineType] = {
    "fixed line": LineType.LANDLINE,
    "mobile": LineType.MOBILE,
    "voip": LineType.VOIP,
    "fixed line or mobile": LineType.FIXED_OR_MOBILE,
    "toll free": LineType.TOLL_FREE,
    "premium rate": LineType.PREMIUM,
    "shared cost": LineType.SHARED_COST,
    "personal number": LineType.PERSONAL,
    "pager": LineType.PAGER,
    "uan": LineType.UAN,
    "voicemail": LineType.VOICEMAIL,
}
"""`carrier.type` of the look-up."""


class TelnyxInventory(Inventory[TelnyxGateway]):
    """Numbers belong to the messaging profile of the settings, whose webhooks point at us."""

    provider: ClassVar[str] = "telnyx"

    async def search(self, query: NumberQuery) -> list[AvailableNumber]:
        """`GET /v2/available_phone_numbers`; only exact matches of the area code.

        Raises:
            GatewayError: refused or no answer.
        """
        quantity = str(min(max(1, query.quantity), SEARCH_LIMIT))
        filters = [("country_code", query.country), ("limit", quantity)]
        if query.features:
            filters.append(("features", ",".join(sorted(query.features))))
        if query.area_code:
            filters.append(("national_destination_code", query.area_code))
        parameters = [(f"filter[{name}]", value) for name, value in filters]
        body = await self.gateway.call(
            "GET", "/available_phone_numbers", query=parameters, repeatable=True
        )
        return [
            _available(item) for item in objects(body.get("data")) if text(item.get("phone_number"))
        ]

    async def buy(self, number: str, webhook_url: str, failover_url: str = "") -> Order:
        """`POST /v2/number_orders`, once the profile's webhooks point at us.

        Both addresses are the profile's, so they hold for all its numbers.

        Args:
            number: `+E.164`.
            webhook_url: empty leaves the profile as it is.
            failover_url: where Telnyx turns after three failures; empty leaves it.

        Raises:
            GatewayError: settings lack `messaging_profile_id` (a number without
                profile receives nothing), refused, or ambiguous: it may be bought.
        """
        profile = self.gateway.options.messaging_profile_id
        if not profile:
            raise GatewayError(Reason.AUTH_FAILED, "settings lack messaging_profile_id")
        if webhook_url:
            hooks = {"webhook_url": webhook_url, "webhook_api_version": "2"}
            if failover_url:
                hooks["webhook_failover_url"] = failover_url
            # The same content every time: a repeat changes nothing.
            await self.gateway.call(
                "PATCH",
                f"/messaging_profiles/{quote(profile, safe='')}",
                json=hooks,
                repeatable=True,
            )
        content = {
            "phone_numbers": [{"phone_number": number}],
            "messaging_profile_id": profile,
            "connection_id": self.gateway.options.connection_id,
        }
        body = await self.gateway.call(
            "POST", "/number_orders", json={key: value for key, value in content.items() if value}
        )
        data = mapping(body.get("data"))
        if not text(data.get("id")):
            raise GatewayError(
                Reason.UNKNOWN, "ordered, but the reply has no order id", ambiguous=True
            )
        return _order(data, number)

    async def order(self, order: Order) -> Order:
        """`GET /v2/number_orders/{id}`.

        Raises:
            GatewayError: refused, no answer, or not understood.
        """
        path = f"/number_orders/{quote(order.id, safe='')}"
        data = mapping((await self.gateway.call("GET", path, repeatable=True)).get("data"))
        if not text(data.get("id")):
            raise GatewayError(Reason.UNKNOWN, "the reply holds no order")
        return _order(data, order.number)

    async def owned(self) -> list[OwnedNumber]:
        """`GET /v2/phone_numbers`: what is in service.

        Features are what a number is set up for: `sms` with a messaging
        profile, `voice` with a connection.

        Raises:
            GatewayError: refused, or no answer, on whatever page.
        """
        found: list[OwnedNumber] = []
        page, last = 1, 1
        while page <= last:
            parameters = [("page[number]", str(page)), ("page[size]", str(PAGE_SIZE))]
            body = await self.gateway.call(
                "GET", "/phone_numbers", query=parameters, repeatable=True
            )
            listed = list(objects(body.get("data")))
            found += [_owned(item) for item in listed if _in_service(item)]
            total = mapping(body.get("meta")).get("total_pages")
            last = total if type(total) is int and listed else 0
            page += 1
        return found

    async def release(self, number: str) -> None:
        """`DELETE /v2/phone_numbers/{id}`; the id is looked up by the number.

        Raises:
            GatewayError: the account has no such number (`invalid_request`),
                its deletion is locked, refused, or no answer.
        """
        body = await self.gateway.call(
            "GET", "/phone_numbers", query=[("filter[phone_number]", number)], repeatable=True
        )
        # The filter also finds longer numbers.
        ids = [
            text(item.get("id"))
            for item in objects(body.get("data"))
            if item.get("phone_number") == number and _in_service(item)
        ]
        if not ids or not ids[0]:
            raise GatewayError(Reason.INVALID_REQUEST, "the account has no such number")
        await self.gateway.call("DELETE", f"/phone_numbers/{quote(ids[0], safe='')}")


class TelnyxLookup(LineLookup[TelnyxGateway]):
    """`GET /v2/number_lookup/{number}?type=carrier`, paid."""

    provider: ClassVar[str] = "telnyx"

    async def look_up(self, number: str) -> LineReport:
        """Line type and carrier of today, ported numbers included.

        Raises:
            GatewayError: refused or no answer.
        """
        body = await self.gateway.call(
            "GET",
            f"/number_lookup/{quote(number, safe='+')}",
            query=[("type", "carrier")],
            repeatable=True,
        )
        data = mapping(body.get("data"))
        carrier = mapping(data.get("carrier"))
        portability = mapping(data.get("portability"))
        word = text(carrier.get("type")) or text(portability.get("line_type"))
        name = text(carrier.get("name")) or text(portability.get("spid_carrier_name"))
        return LineReport(
            number=number,
            line_type=LINE_TYPES.get(word.lower(), LineType.UNKNOWN),
            carrier=name or None,
            ported={"Y": True, "N": False}.get(text(portability.get("ported_status"))),
            detail=text(carrier.get("error_code")),
        )


class TelnyxBalance(Balance[TelnyxGateway]):
    """`GET /v2/balance`."""

    provider: ClassVar[str] = "telnyx"

    async def check(self) -> Cost | None:
        """What can still be spent: the balance plus the credit limit.

        Raises:
            GatewayError: `auth_failed` when the key is wrong; refused; no answer.
        """
        body = await self.gateway.call("GET", "/balance", repeatable=True)
        data = mapping(body.get("data"))
        amount = data.get("available_credit") or data.get("balance")
        return _cost(amount, data.get("currency"))


def _cost(amount: object, currency: object) -> Cost | None:
    return money(text(amount), text(currency) or "USD")


def _features(names: object) -> frozenset[Feature]:
    listed = names if isinstance(names, list) else ()
    words = {text(item) or text(mapping(item).get("name")) for item in listed}
    return frozenset(feature for feature in get_args(Feature) if feature in words)


def _available(item: Mapping[str, Any]) -> AvailableNumber:
    costs = mapping(item.get("cost_information"))
    places = {
        text(place.get("region_type")): text(place.get("region_name"))
        for place in objects(item.get("region_information"))
    }
    return AvailableNumber(
        number=item["phone_number"],
        features=_features(item.get("features")),
        region=places.get("state") or places.get("country_code") or None,
        locality=places.get("location") or places.get("rate_center") or None,
        monthly=_cost(costs.get("monthly_cost"), costs.get("currency")),
        setup=_cost(costs.get("upfront_cost"), costs.get("currency")),
    )


def _in_service(item: Mapping[str, Any]) -> bool:
    return bool(text(item.get("phone_number"))) and item.get("status") in IN_SERVICE


def _owned(item: Mapping[str, Any]) -> OwnedNumber:
    features: set[Feature] = set()
    if item.get("messaging_profile_id"):
        features.add("sms")
    if item.get("connection_id"):
        features.add("voice")
    return OwnedNumber(item["phone_number"], frozenset(features), text(item.get("id")) or None)


def _order(data: Mapping[str, Any], number: str) -> Order:
    ours = next(
        (n for n in objects(data.get("phone_numbers")) if n.get("phone_number") == number), {}
    )
    # An order of one number; the number's own word is the nearer one.
    word = text(ours.get("status")) or text(data.get("status"))
    state = ORDER_STATES.get(word, OrderState.PENDING)
    needs = text(ours.get("requirements_status"))
    detail = ""
    if data.get("requirements_met") is False or ours.get("requirements_met") is False:
        detail = "regulatory requirements are not met" + (f": {needs}" if needs else "")
    elif word not in ORDER_STATES:
        detail = f"status {word[:40]!r}"
    return Order(text(data.get("id")), number, state, detail)
