from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.shops.base import Shop, form

NAMES = {
    "searchDIDsUSA": "search",
    "orderDID": "buy",
    "setSMS": "set up",
    "getDIDsInfo": "list",
    "cancelDID": "release",
}


class VoipmsShop(Shop):
    """Sells at once; a number learns its address afterwards. Errors come with status 200."""

    provider = "voipms"
    first = "1.25"

    def credentials(self) -> dict[str, Any]:
        return {
            "username": "ops@example.org",
            "password": "canary",
            "inbound_token": "canary-token-0001",
            "pop": "21",
        }

    def name_of(self, request: web.Request, body: bytes) -> str:
        return NAMES[form(body)["method"]]

    async def answer(self, name: str, request: web.Request, body: bytes) -> web.Response:
        fields = form(body)
        number = f"+1{fields.get('did', '')}"
        if name == "search":
            return self._dids(self.on_sale())
        if name == "list":
            return self._dids([n for n in self.owned if fields.get("did", "") in n])
        if name == "buy":
            self.owned[number] = ""
        elif name == "set up":
            self.owned[number] = fields["url_callback"].partition("?")[0]
            assert "token=canary-token-0001" in fields["url_callback"]
        else:
            self.owned.pop(number)
        return web.json_response({"status": "success"})

    def refusal(self) -> web.Response:
        return web.json_response({"status": "no_credits"})

    def _dids(self, numbers: list[str]) -> web.Response:
        items = [
            {
                "did": number[2:],
                "sms": 1,
                "perminute_monthly": "0.85",
                "perminute_setup": "0.40",
                "sms_enabled": "1",
                "sms_url_callback_enabled": "1" if self.owned.get(number) else "0",
            }
            for number in numbers
        ]
        return web.json_response({"status": "success", "dids": items})
