from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.shops.base import Shop, form

NAMES = {
    "/number/search": "search",
    "/number/buy": "buy",
    "/number/update": "set up",
    "/number/cancel": "release",
    "/account/numbers": "list",
}


class VonageShop(Shop):
    """Sells at once, in euros; a number learns its address afterwards."""

    provider = "vonage"
    mock = "vonage"
    first = "1.18"  # 1.00 EUR and a bit less than a fifth

    def credentials(self) -> dict[str, Any]:
        return {"api_key": "abcd1234", "api_secret": "canary", "signature_secret": "canary"}

    def name_of(self, request: web.Request, body: bytes) -> str:
        return NAMES[request.path]

    async def answer(self, name: str, request: web.Request, body: bytes) -> web.Response:
        if name == "search":
            return self._listed(self.on_sale(), cost="1.00")
        if name == "list":
            wanted = request.query.get("pattern", "")
            return self._listed([number for number in self.owned if wanted in number])
        fields = form(body)
        number = f"+{fields['msisdn']}"
        if name == "buy":
            self.owned[number] = ""
        elif name == "set up":
            self.owned[number] = fields["moHttpUrl"]
        else:
            self.owned.pop(number)
        return web.json_response({"error-code": "200", "error-code-label": "success"})

    def refusal(self) -> web.Response:
        return web.json_response({"error-code": "420", "error-code-label": "method failed"})

    def _listed(self, numbers: list[str], **more: str) -> web.Response:
        items = [
            {
                "country": "US",
                "msisdn": number[1:],
                "features": ["SMS", "VOICE"],
                "moHttpUrl": self.owned.get(number, ""),
                **more,
            }
            for number in numbers
        ]
        return web.json_response({"count": len(items), "numbers": items})
