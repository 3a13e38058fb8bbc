from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.shops.base import Shop, form

CAPABILITIES = {"SMS": True, "MMS": True, "voice": True}


class TwilioShop(Shop):
    """Sells at once; a number knows its addresses."""

    provider = "twilio"
    mock = "twilio"
    has_failover = True
    first = "1.15"  # of the price list: the search tells none

    def credentials(self) -> dict[str, Any]:
        return {"account_sid": "AC" + "0" * 32, "auth_token": "0" * 32}

    def name_of(self, request: web.Request, body: bytes) -> str:
        if "/AvailablePhoneNumbers/" in request.path:
            return "search"
        kind = {"POST": "buy", "DELETE": "release", "GET": "list"}[request.method]
        return kind if "/IncomingPhoneNumbers" in request.path else request.path

    async def answer(self, name: str, request: web.Request, body: bytes) -> web.Response:
        if name == "search":
            found = [{"phone_number": n, "capabilities": CAPABILITIES} for n in self.on_sale()]
            return web.json_response({"available_phone_numbers": found})
        if name == "buy":
            fields = form(body)
            number = fields["PhoneNumber"]
            self.owned[number] = fields.get("SmsUrl", "")
            self.failover[number] = fields.get("SmsFallbackUrl", "")
            return web.json_response(self._item(number), status=201)
        if name == "release":
            sid = request.path.rpartition("/")[2].removesuffix(".json")
            self.owned.pop(f"+{int(sid.removeprefix('PN'))}")
            return web.Response(status=204)
        wanted = request.query.get("PhoneNumber", "")
        items = [self._item(number) for number in self.owned if wanted in number]
        return web.json_response({"incoming_phone_numbers": items, "next_page_uri": None})

    def _item(self, number: str) -> dict[str, Any]:
        sid = f"PN{int(number):032}"
        return {"sid": sid, "phone_number": number, "capabilities": CAPABILITIES}
