from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from tests.shops.base import Shop


class PlivoShop(Shop):
    """A number's messages go where its application says; some numbers wait for a check."""

    provider = "plivo"
    mock = "plivo"
    undocumented = frozenset({"application", "release"})
    orders = True
    first = "0.80"

    def __init__(self) -> None:
        super().__init__()
        self.applications: dict[str, str] = {}
        self.coming: dict[str, str] = {}

    def credentials(self) -> dict[str, Any]:
        return {"auth_id": "MA" + "0" * 18, "auth_token": "a" * 40}

    def name_of(self, request: web.Request, body: bytes) -> str:
        kind, *rest = request.path.removeprefix("/v1/Account/").split("/")[1:]
        if kind == "PhoneNumber":
            return "buy" if request.method == "POST" else "search"
        if kind == "Application":
            return "application"
        one = bool(rest and rest[0])
        return {"DELETE": "release", "GET": "order" if one else "list"}[request.method]

    async def answer(self, name: str, request: web.Request, body: bytes) -> web.Response:
        number = f"+{request.path.rstrip('/').rpartition('/')[2]}"
        if name == "search":
            return self._page(self._item(number) for number in self.on_sale())
        if name == "application" and request.method == "POST":
            self.applications[app_id := str(len(self.applications) + 1)] = json.loads(body)[
                "message_url"
            ]
            return web.json_response({"app_id": app_id}, status=201)
        if name == "application":
            items = self.applications.items()
            return self._page({"app_id": key, "message_url": url} for key, url in items)
        if name == "buy":
            self.coming[number] = self.applications[json.loads(body)["app_id"]]
            done = self._arrive()
            word = "Success" if done else "pending"
            answer = {"numbers": [{"number": number[1:], "status": word}], "status": "fulfilled"}
            return web.json_response(answer, status=201)
        if name == "list":
            self._arrive()
            return self._page(self._item(number) for number in self.owned)
        if name == "order":
            self._arrive()
        if number not in self.owned:
            return web.json_response({"error": "not found"}, status=404)
        if name == "release":
            del self.owned[number]
            return web.Response(status=204)
        return web.json_response(self._item(number))

    def _arrive(self) -> bool:
        if self.coming and self.is_done():
            self.owned |= self.coming
            self.coming.clear()
        return not self.coming

    def _item(self, number: str) -> dict[str, Any]:
        able = {"sms_enabled": True, "voice_enabled": True, "mms_enabled": False}
        price = {"monthly_rental_rate": "0.80000", "setup_rate": "0.00000"}
        return {"number": number[1:], **able, **price}

    def _page(self, items: Any) -> web.Response:
        return web.json_response({"meta": {"next": None}, "objects": list(items)})
