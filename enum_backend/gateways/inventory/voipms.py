"""VoIP.ms numbers and balance: https://voip.ms/m/apidocs.php (account needed)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from enum_backend.gateways.base import Cost, GatewayError, Reason
from enum_backend.gateways.inventory.base import (
    AvailableNumber,
    Balance,
    Feature,
    Inventory,
    NumberQuery,
    Order,
    OrderState,
    OwnedNumber,
)
from enum_backend.gateways.reading import mapping, money, objects
from enum_backend.gateways.voipms import VoipmsGateway, e164, nanp
from enum_backend.gateways.webhooks.voipms import callback_url

SEARCHES: Mapping[str, str] = {"US": "searchDIDsUSA", "CA": "searchDIDsCAN"}

NOTHING = ("unavailable_info", "no_did", "no_dids", "no_data")
"""`status` of an empty list."""

LONGEST_PREFIX = 6


class VoipmsInventory(Inventory[VoipmsGateway]):
    """Numbers of the account. Each has its own callback URL, with our token in it."""

    provider: ClassVar[str] = "voipms"

    async def search(self, query: NumberQuery) -> list[AvailableNumber]:
        """`searchDIDsUSA` or `searchDIDsCAN`, by the first digits.

        TRAP: there are no pages; an area code with thousands of numbers is more
        than we read, and is asked for again digit by digit.

        Raises:
            GatewayError: another country, no area code, refused, or no answer.
        """
        method = SEARCHES.get(query.country.upper())
        if method is None:
            raise GatewayError(Reason.INVALID_REQUEST, "VoIP.ms has numbers of the US and Canada")
        if not re.fullmatch(r"[0-9]{3,10}", query.area_code):
            raise GatewayError(Reason.INVALID_REQUEST, "an area code of 3 digits is needed")
        found = await self._offers(method, query.area_code, query)
        return found[: max(0, query.quantity)]

    async def buy(self, number: str, webhook_url: str, failover_url: str = "") -> Order:
        """`orderDID`, then `setSMS` with the callback.

        Everything that can be known to fail is checked before anything is bought.
        A failure of `setSMS` does not undo the purchase: the order is `bought`, and
        its detail says why.

        Raises:
            GatewayError: settings lack `pop` or `inbound_token`, refused, or
                ambiguous: it may be bought.
        """
        options = self.gateway.options
        if not options.pop or not options.inbound_token.get_secret_value():
            raise GatewayError(Reason.AUTH_FAILED, "settings lack pop or inbound_token")
        did = nanp(number, Reason.INVALID_NUMBER)
        await self.gateway.call(
            "orderDID",
            {
                "did": did,
                "routing": options.routing,
                "pop": options.pop,
                "dialtime": "60",
                "cnam": "0",
                "billing_type": "1" if options.billing == "per_minute" else "2",
            },
        )
        note = "VoIP.ms has no failover address for messages" if failover_url else ""
        try:
            await self.set_up(number, webhook_url)
        except GatewayError as error:
            return Order(
                did, number, OrderState.BOUGHT, f"bought, but its SMS are not set: {error}"
            )
        return Order(did, number, OrderState.DONE, note)

    async def set_up(self, number: str, webhook_url: str, failover_url: str = "") -> None:
        """`setSMS`: messages of a number of ours go to `webhook_url`; a repeat changes nothing.

        Raises:
            GatewayError: settings lack `inbound_token`, refused, or no answer.
        """
        del failover_url  # there is none
        token = self.gateway.options.inbound_token.get_secret_value()
        if not token:
            raise GatewayError(Reason.AUTH_FAILED, "settings lack inbound_token")
        parameters = {
            "did": nanp(number, Reason.INVALID_NUMBER),
            "enable": "1",
            "url_callback_enable": "1",
            "url_callback": callback_url(webhook_url, token),
            "url_callback_retry": "1",
        }
        await self.gateway.call("setSMS", parameters, repeatable=True)

    async def order(self, order: Order) -> Order:
        """Done once the number is the account's and its messages go to a callback, else `bought`.

        Raises:
            GatewayError: refused or no answer.
        """
        item = next(
            (i for i in await self._infos(order.number) if _number(i) == order.number), None
        )
        if item is None:
            return Order(order.id, order.number, OrderState.PENDING, "not the account's yet")
        if _yes(item.get("sms_enabled")) and _yes(item.get("sms_url_callback_enabled")):
            return Order(order.id, order.number, OrderState.DONE)
        return Order(order.id, order.number, OrderState.BOUGHT, "bought, but its SMS are not set")

    async def owned(self) -> list[OwnedNumber]:
        """`getDIDsInfo`.

        Raises:
            GatewayError: refused or no answer.
        """
        return [
            OwnedNumber(number, _features(item), number[2:])
            for item in await self._infos()
            if (number := _number(item))
        ]

    async def release(self, number: str) -> None:
        """`cancelDID`.

        Raises:
            GatewayError: `invalid_number` if it is not the account's; refused; no answer.
        """
        did = nanp(number, Reason.INVALID_NUMBER)
        if not any(_number(item) == number for item in await self._infos(number)):
            raise GatewayError(Reason.INVALID_NUMBER, "the account has no such number")
        await self.gateway.call("cancelDID", {"did": did})

    async def _offers(self, method: str, digits: str, query: NumberQuery) -> list[AvailableNumber]:
        parameters = {"type": "starts", "query": digits}
        try:
            body = await self.gateway.call(method, parameters, repeatable=True, empty=NOTHING)
        except GatewayError as error:
            if "too long" not in error.detail or len(digits) >= LONGEST_PREFIX:
                raise
        else:
            return [
                offer
                for item in objects(body.get("dids"))
                if (offer := _offer(item)) and query.features <= offer.features
            ]
        found: list[AvailableNumber] = []
        for digit in "0123456789":
            if len(found) < query.quantity:
                found += await self._offers(method, digits + digit, query)
        return found

    async def _infos(self, number: str = "") -> list[Mapping[str, Any]]:
        parameters = {"did": nanp(number, Reason.INVALID_NUMBER)} if number else {}
        body = await self.gateway.call(
            "getDIDsInfo", parameters, repeatable=True, empty=(*NOTHING, "invalid_did")
        )
        return objects(body.get("dids"))


class VoipmsBalance(Balance[VoipmsGateway]):
    """`getBalance`."""

    provider: ClassVar[str] = "voipms"

    async def check(self) -> Cost | None:
        """`current_balance` in USD, None if the reply does not hold it.

        Raises:
            GatewayError: `auth_failed` for wrong credentials and for an address of
                ours that is not let in; no answer.
        """
        body = await self.gateway.call("getBalance", {}, repeatable=True)
        return money(mapping(body.get("balance")).get("current_balance"))


def _offer(item: Mapping[str, Any]) -> AvailableNumber | None:
    number = _number(item)
    if not number:
        return None
    region = item.get("state") or item.get("province")
    locality = item.get("ratecenter")
    return AvailableNumber(
        number,
        _features(item),
        region=region if isinstance(region, str) else None,
        locality=locality if isinstance(locality, str) else None,
        monthly=money(item.get("perminute_monthly", item.get("monthly"))),
        setup=money(item.get("perminute_setup", item.get("setup"))),
    )


def _number(item: Mapping[str, Any]) -> str:
    number = e164(str(item.get("did")))
    return number if number.startswith("+") else ""


def _features(item: Mapping[str, Any]) -> frozenset[Feature]:
    """Voice always; messages where the reply says so, under either of its names."""
    found: set[Feature] = {"voice"}
    if _yes(item.get("sms_available", item.get("sms"))):
        found.add("sms")
    if _yes(item.get("mms_available", item.get("mms"))):
        found.add("mms")
    return frozenset(found)


def _yes(value: object) -> bool:
    return str(value) in {"1", "yes", "True"}
