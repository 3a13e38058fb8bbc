from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from tests.shops.base import Shop

APPLICATION = "93de2206-9669-4e07-948d-329f4b722ee2"
ORDER = "47955555-aaaa-bbbb-cccc-0123456789ab"


class BandwidthShop(Shop):
    """Orders and disconnect orders, in XML; the application has the address."""

    provider = "bandwidth"
    mock = "bandwidth"
    undocumented = frozenset({"set up", "release", "released"})
    orders = True
    releases = True
    first = "0.25"  # of the price list: the search tells none

    def __init__(self) -> None:
        super().__init__()
        self.callback = ""
        self.coming = ""
        self.going = ""

    def credentials(self) -> dict[str, Any]:
        return {
            "account_id": "9900000",
            "client_id": "client-1",
            "client_secret": "canary-secret",
            "application_id": APPLICATION,
            "site_id": "743",
            "callback_user": "bw",
            "callback_password": "canary-pass",
        }

    def name_of(self, request: web.Request, body: bytes) -> str:
        if request.path.endswith("/oauth2/token"):
            return "token"
        kind = request.path.split("/")[4]
        post = request.method == "POST"
        names = {
            "availableNumbers": "search",
            "applications": "set up",
            "orders": "buy" if post else "order",
            "disconnects": "release" if post else "released",
            "inserviceNumbers": "list",
        }
        return names[kind]

    async def answer(self, name: str, request: web.Request, body: bytes) -> web.Response:
        text = body.decode()
        if name == "token":
            return web.json_response({"access_token": "canary-token", "expires_in": 3600})
        if name == "search":
            items = "".join(f"<TelephoneNumber>{n[2:]}</TelephoneNumber>" for n in self.on_sale())
            return _xml(
                f"<SearchResult><TelephoneNumberList>{items}</TelephoneNumberList></SearchResult>"
            )
        if name == "set up":
            found = re.search("<InboundCallbackUrl>(.*?)<", text)
            assert found is not None
            self.callback = found[1]
            return _xml("<ApplicationProvisioningResponse/>")
        if name in ("buy", "order"):
            if name == "buy":
                self.coming = _number(text)
            return _xml(self._order("OrderResponse", self._bought()), 201 if name == "buy" else 200)
        if name in ("release", "released"):
            if name == "release":
                self.going = _number(text)
            done = self.is_done()
            if done:
                self.owned.pop(self.going, None)
            return _xml(self._order("DisconnectTelephoneNumberOrderResponse", done))
        if self.coming:
            self._bought()
        if not self.owned:
            return web.Response(status=204)
        items = "".join(f"<TelephoneNumber>{n[2:]}</TelephoneNumber>" for n in self.owned)
        return _xml(f"<TNs><TelephoneNumbers>{items}</TelephoneNumbers></TNs>")

    def refusal(self) -> web.Response:
        error = "<Error><Code>5021</Code><Description>taken</Description></Error>"
        return _xml(f"<OrderResponse><ErrorList>{error}</ErrorList></OrderResponse>", 400)

    def _bought(self) -> bool:
        done = self.is_done()
        if done:
            self.owned[self.coming] = self.callback
            self.coming = ""
        return done

    def _order(self, kind: str, done: bool) -> str:
        part = "Order" if kind == "OrderResponse" else "orderRequest"
        word = "COMPLETE" if done else "RECEIVED"
        return (
            f"<{kind}><{part}><id>{ORDER}</id></{part}><OrderStatus>{word}</OrderStatus></{kind}>"
        )


def _number(text: str) -> str:
    found = re.search("<TelephoneNumber>([0-9]{10})<", text)
    assert found is not None
    return f"+1{found[1]}"


def _xml(body: str, status: int = 200) -> web.Response:
    return web.Response(status=status, text=body, content_type="application/xml")
