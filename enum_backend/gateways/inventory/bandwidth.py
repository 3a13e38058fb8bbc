"""Bandwidth numbers, in XML: https://dev.bandwidth.com/apis/numbers-apis/numbers/"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote, unquote, urlencode
from xml.etree.ElementTree import Element

from enum_backend.gateways.bandwidth import BandwidthGateway
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.gateways.http_replies import provider_text
from enum_backend.gateways.inventory.bandwidth_lookup import BandwidthBalance, BandwidthLookup
from enum_backend.gateways.inventory.bandwidth_xml import (
    READING,
    WRITING,
    Content,
    build,
    elements,
    refusal,
    text,
    understood,
)
from enum_backend.gateways.inventory.base import (
    AvailableNumber,
    Feature,
    Inventory,
    NumberQuery,
    Order,
    OrderState,
    OwnedNumber,
)

__all__ = ["BandwidthBalance", "BandwidthInventory", "BandwidthLookup"]

NUMBERS_URLS: Mapping[str, str] = {
    "oauth2": "https://api.bandwidth.com/api/accounts",
    "basic": "https://dashboard.bandwidth.com/api/accounts",
}
"""By `auth`: legacy API users belong to the older address."""

PAGE_SIZE = 500
"""Numbers asked for at once."""

MAX_PAGES = 1000

ORDER_STATES: Mapping[str, OrderState] = {
    "COMPLETE": OrderState.DONE,
    "PARTIAL": OrderState.FAILED,
    "FAILED": OrderState.FAILED,
    "CANCELLED": OrderState.FAILED,
}
"""`OrderStatus`; all others (RECEIVED, PENDING, PROCESSING...) are on their way."""

FEATURES: frozenset[Feature] = frozenset({"sms", "mms", "voice"})
"""Bandwidth lists none: its numbers do all of it once their location does."""


class BandwidthInventory(Inventory[BandwidthGateway]):
    """North American numbers, ordered into the sub-account `site_id`.

    A bought number belongs to a location, and messages of a location go to the
    application that is linked to it in the Bandwidth App: that link is made once,
    by hand; the application's callback addresses are set here.
    """

    provider: ClassVar[str] = "bandwidth"
    poll_interval: ClassVar[float] = 1.0
    """Seconds between two looks at a disconnect order."""
    polls: ClassVar[int] = 10

    async def search(self, query: NumberQuery) -> list[AvailableNumber]:
        """`GET .../availableNumbers`.

        Raises:
            GatewayError: no area code or another country than US and CA
                (`invalid_request`), refused, or no answer.
        """
        if query.country.upper() not in {"US", "CA"} or not query.area_code:
            raise GatewayError(
                Reason.INVALID_REQUEST, "Bandwidth searches US and CA numbers by area code"
            )
        parameters = [
            ("areaCode", query.area_code),
            ("quantity", str(min(max(1, query.quantity), PAGE_SIZE))),
            ("enableTNDetail", "true"),
        ]
        root = await self._read("availableNumbers", parameters)
        detailed = [_detailed(item) for item in elements(root, "TelephoneNumberDetail")]
        plain = [
            AvailableNumber(_e164(item.text), FEATURES)
            for item in elements(root, "TelephoneNumberList", "TelephoneNumber")
        ]
        return [item for item in (detailed or plain) if item.number]

    async def buy(self, number: str, webhook_url: str, failover_url: str = "") -> Order:
        """`POST .../orders`, once the application's callbacks point at us.

        Args:
            number: `+1` and ten digits.
            webhook_url: for messages and reports; empty leaves the application as it is.
            failover_url: Bandwidth has none (it repeats for 24 hours); the
                order's `detail` says so.

        Raises:
            GatewayError: settings lack `site_id`, `application_id` or the
                callback credentials, refused, or ambiguous: it may be bought.
        """
        digits = _digits(number)
        options = self.gateway.options
        needed = {"site_id": options.site_id}
        if webhook_url:
            needed |= {
                "application_id": options.application_id,
                "callback_user": options.callback_user,
                "callback_password": options.callback_password.get_secret_value(),
            }
        if lacks := [key for key, value in needed.items() if not value]:
            raise GatewayError(Reason.AUTH_FAILED, f"settings lack {', '.join(lacks)}")
        if webhook_url:
            await self._point_application(webhook_url)
        content: list[tuple[str, Content]] = [
            ("Name", "enum-backend"),
            ("ExistingTelephoneNumberOrderType", _list_of(digits)),
            ("PartialAllowed", "false"),
            ("SiteId", options.site_id),
        ]
        if options.peer_id:
            content.append(("PeerId", options.peer_id))
        root = await self._order_of("orders", build("Order", content))
        order_id = text(root, "Order", "id") or text(root, "id")
        if not order_id:
            if problems := _problems(root):
                raise GatewayError(Reason.INVALID_REQUEST, f"not ordered: {problems[0]}")
            raise GatewayError(
                Reason.UNKNOWN, "ordered, but the reply has no order id", ambiguous=True
            )
        detail = "Bandwidth has no failover address" if failover_url else ""
        return _order(root, Order(order_id, number, OrderState.PENDING, detail))

    async def order(self, order: Order) -> Order:
        """`GET .../orders/{id}`.

        Raises:
            GatewayError: refused, no answer, or not understood.
        """
        root = await self._read(f"orders/{quote(order.id, safe='')}")
        if not text(root, "OrderStatus"):
            raise GatewayError(Reason.UNKNOWN, "the reply holds no order")
        return _order(root, order)

    async def owned(self) -> list[OwnedNumber]:
        """`GET .../inserviceNumbers`.

        Raises:
            GatewayError: refused, or no answer, on whatever page.
        """
        found: dict[str, None] = {}
        page, seen = "1", {""}
        while page not in seen:
            seen.add(page)
            if len(seen) > MAX_PAGES:
                raise GatewayError(Reason.UNKNOWN, "the list of numbers has no end")
            parameters = [("page", page), ("size", str(PAGE_SIZE))]
            reply = await self.gateway.call(
                "GET", self._url("inserviceNumbers", parameters), headers=READING, repeatable=True
            )
            if reply.status == 204:
                break
            root = understood(reply)
            numbers = elements(root, "TelephoneNumbers", "TelephoneNumber")
            found.update(dict.fromkeys(filter(None, (_e164(item.text) for item in numbers))))
            page = _next_page(root)
        return [OwnedNumber(number, FEATURES) for number in found]

    async def release(self, number: str) -> Order | None:
        """`POST .../disconnects`, and wait for a while until it is done.

        Returns:
            The order, if it is still under way after `polls` looks.

        Raises:
            GatewayError: refused or failed; no answer.
        """
        content: list[tuple[str, Content]] = [
            ("Name", "enum-backend"),
            ("DisconnectTelephoneNumberOrderType", _list_of(_digits(number))),
        ]
        document = build("DisconnectTelephoneNumberOrder", content)
        root = await self._order_of("disconnects", document)
        order = Order(text(root, "orderRequest", "id"), number, OrderState.PENDING)
        order = _order(root, order)
        for _ in range(self.polls if order.id else 0):
            if order.state is not OrderState.PENDING:
                break
            await asyncio.sleep(self.poll_interval)
            order = await self.released(order)
        if order.state is OrderState.FAILED:
            raise GatewayError(Reason.INVALID_REQUEST, f"not disconnected: {order.detail}")
        return order if order.state is OrderState.PENDING else None

    async def released(self, order: Order) -> Order:
        """`GET .../disconnects/{id}`; without an id, whether the account has the number.

        Raises:
            GatewayError: refused, no answer, or not understood.
        """
        if not order.id:
            return await super().released(order)
        return _order(await self._read(f"disconnects/{quote(order.id, safe='')}"), order)

    async def _point_application(self, webhook_url: str) -> None:
        """`PATCH .../applications/{id}`: the addresses and the credentials we expect."""
        options = self.gateway.options
        credentials: list[tuple[str, Content]] = [
            ("UserId", options.callback_user),
            ("Password", options.callback_password.get_secret_value()),
        ]
        content: list[tuple[str, Content]] = []
        for direction in ("Inbound", "Outbound"):
            content.append((f"{direction}CallbackUrl", webhook_url))
            content.append((f"{direction}CallbackCreds", credentials))
        reply = await self.gateway.call(
            "PATCH",
            self._url(f"applications/{options.application_id}"),
            headers=WRITING,
            data=build("Application", content),
            repeatable=True,  # the same content every time
        )
        if reply.status >= 300:
            raise refusal(reply, hide=(options.callback_password.get_secret_value(),))

    async def _read(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Element:
        url = self._url(path, query)
        reply = await self.gateway.call("GET", url, headers=READING, repeatable=True)
        return understood(reply)

    async def _order_of(self, path: str, document: bytes) -> Element:
        """The reply to an order, which is never sent twice."""
        reply = await self.gateway.call("POST", self._url(path), headers=WRITING, data=document)
        return understood(reply, changed=True)

    def _url(self, path: str, query: Sequence[tuple[str, str]] = ()) -> str:
        options = self.gateway.options
        url = f"{NUMBERS_URLS[options.auth]}/{options.account_id}/{path}"
        return f"{url}?{urlencode(query)}" if query else url


_FULL = ("TelephoneNumber", "FullNumber")


def _digits(number: str) -> str:
    found = re.fullmatch(r"\+1([2-9][0-9]{9})", number)
    if found is None:
        raise GatewayError(Reason.INVALID_REQUEST, "not a North American number")
    return found[1]


def _e164(digits: str | None) -> str:
    found = re.fullmatch(r"(?:\+?1)?([2-9][0-9]{9})", (digits or "").strip())
    return f"+1{found[1]}" if found else ""


def _list_of(digits: str) -> Content:
    return [("TelephoneNumberList", [("TelephoneNumber", digits)])]


def _detailed(item: Element) -> AvailableNumber:
    return AvailableNumber(
        _e164(text(item, "FullNumber")),
        FEATURES,
        region=text(item, "State") or None,
        locality=text(item, "City") or text(item, "RateCenter") or None,
    )


def _next_page(root: Element) -> str:
    """The page that `Links/next` names; its host is never asked: it would get our token."""
    link = text(root, "Links", "next")
    found = re.search(r"[?&]page=([^&>\s\"]+)", link)
    return unquote(found[1]) if found else ""


def _problems(root: Element) -> list[str]:
    return [
        f"{text(item, 'Code')[:40]} {provider_text(text(item, 'Description'))}".strip()
        for item in elements(root, "ErrorList", "Error")
    ]


def _order(root: Element, order: Order) -> Order:
    word = text(root, "OrderStatus")
    state = ORDER_STATES.get(word, OrderState.PENDING)
    problems = _problems(root)
    if problems and not word:
        state = OrderState.FAILED
    completed = [_e164(item.text) for item in elements(root, "CompletedNumbers", *_FULL)]
    if state is OrderState.DONE and completed and order.number not in completed:
        return Order(order.id, order.number, OrderState.FAILED, "another number was bought")
    detail = "; ".join(problems)[:200] or order.detail
    if state is OrderState.FAILED and not problems:
        detail = f"status {word}"
    return Order(order.id, order.number, state, detail)
