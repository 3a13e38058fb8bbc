from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from tests.shops.base import Shop
from tests.telnyx_numbers import KEY, PROFILE

ORDER = "12ade33a-21c0-473b-b055-b3c836e1c292"


class TelnyxShop(Shop):
    """Orders; the profile has the addresses of all its numbers."""

    provider = "telnyx"
    mock = "telnyx"
    orders = True
    has_failover = True
    first = "1.50"

    def __init__(self) -> None:
        super().__init__()
        self.profile: dict[str, str] = {}
        self.ordered = ""

    def credentials(self) -> dict[str, Any]:
        return {"api_key": KEY, "messaging_profile_id": PROFILE}

    def name_of(self, request: web.Request, body: bytes) -> str:
        kind = request.path.removeprefix("/v2/").split("/")[0]
        names = {
            "available_phone_numbers": "search",
            "messaging_profiles": "set up",
            "number_orders": "buy" if request.method == "POST" else "order",
            "phone_numbers": "release" if request.method == "DELETE" else "list",
        }
        return names[kind]

    async def answer(self, name: str, request: web.Request, body: bytes) -> web.Response:
        if name == "search":
            cost = {"monthly_cost": "1.00", "upfront_cost": "0.50", "currency": "USD"}
            able = [{"name": "sms"}, {"name": "voice"}]
            offers = ({"phone_number": n, "features": able} for n in self.on_sale())
            return self._data([offer | {"cost_information": cost} for offer in offers])
        if name == "set up":
            self.profile |= json.loads(body)
            return self._data({})
        if name in ("buy", "order"):
            if name == "buy":
                self.ordered = json.loads(body)["phone_numbers"][0]["phone_number"]
            return self._data(self._order())
        if name == "release":
            self.owned.pop(f"+{request.path.rpartition('/')[2]}")
            return self._data({})
        if self.ordered:
            self._order()
        return self._data(
            [
                {
                    "id": number[1:],
                    "phone_number": number,
                    "status": "active",
                    "messaging_profile_id": PROFILE,
                }
                for number in self.owned
            ]
        )

    def _order(self) -> dict[str, Any]:
        done = self.is_done()
        if done:
            self.owned[self.ordered] = self.profile.get("webhook_url", "")
            self.failover[self.ordered] = self.profile.get("webhook_failover_url", "")
        word = "success" if done else "pending"
        item = {"phone_number": self.ordered, "status": word}
        return {"id": ORDER, "status": word, "phone_numbers": [item]}

    def _data(self, data: Any) -> web.Response:
        return web.json_response({"data": data, "meta": {"total_pages": 1}})
