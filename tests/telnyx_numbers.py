"""As much of Telnyx's numbers API as a test needs, on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

KEY = "KEY" + "0123456789" * 4
NUMBER = "+14155550101"
PROFILE = "abc85f64-5717-4562-b3fc-2c9600000000"


@dataclass
class FakeTelnyx:
    """What the account has, and what was asked.

    Attributes:
        numbers: on sale.
        order_states: of the next orders and looks at them; `success` afterwards.
    """

    url: str = ""
    owned: dict[str, str] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=lambda: [NUMBER])
    order_states: list[str] = field(default_factory=list)
    balance: str = "12.34"
    line_type: str = "voip"
    asked: list[str] = field(default_factory=list)
    profile: dict[str, Any] = field(default_factory=dict)
    sent: list[dict[str, Any]] = field(default_factory=list)

    def settings(self, **more: Any) -> dict[str, Any]:
        """A gateway's table."""
        return {
            "provider": "telnyx",
            "api_key": KEY,
            "from": "+14155550100",
            "messaging_profile_id": PROFILE,
            "base_url": self.url,
            "timeout": 5,
            **more,
        }

    async def handle(self, request: web.Request) -> web.Response:
        """Any request."""
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            errors = [{"code": "10009", "title": "Authentication failed"}]
            return web.json_response({"errors": errors}, status=401)
        path = request.path.removeprefix("/v2/")
        self.asked.append(f"{request.method} {path}")
        body = await request.json() if request.can_read_body else {}
        data, meta = self._answer(request, path, body), {"total_pages": 1}
        return web.json_response({"data": data, "meta": meta})

    def _answer(self, request: web.Request, path: str, body: Any) -> Any:
        match request.method, path.split("/"):
            case "GET", ["available_phone_numbers"]:
                costs = {"monthly_cost": "1.00", "upfront_cost": "0.50", "currency": "USD"}
                sms = [{"name": "sms"}]
                about = {"features": sms, "cost_information": costs}
                return [{"phone_number": number, **about} for number in self.numbers]
            case "PATCH", ["messaging_profiles", _]:
                self.profile = body
                return {}
            case "POST", ["number_orders"]:
                number = body["phone_numbers"][0]["phone_number"]
                return self._order(number)
            case "GET", ["number_orders", _]:
                return self._order(NUMBER)
            case "GET", ["phone_numbers"]:
                return [
                    {
                        "id": f"id{number[1:]}",
                        "phone_number": number,
                        "status": "active",
                        "messaging_profile_id": PROFILE,
                    }
                    for number in self.owned
                ]
            case "DELETE", ["phone_numbers", resource]:
                self.owned.pop("+" + resource.removeprefix("id"))
                return {}
            case "GET", ["number_lookup", number]:
                return {"carrier": {"type": self.line_type, "name": "Carrier"}, "number": number}
            case "GET", ["balance"]:
                return {"available_credit": self.balance, "currency": "USD"}
            case "POST", ["messages"]:
                self.sent.append(body)
                to = [{"phone_number": body["to"], "status": "queued"}]
                return {"id": "40385f64-5717-4562-b3fc-2c963f66afa6", "to": to, "parts": 1}
            case "GET", ["messages", _]:
                return {"to": [{"status": "delivered"}]}
        raise AssertionError(f"{request.method} {path}")

    def _order(self, number: str) -> dict[str, Any]:
        state = self.order_states.pop(0) if self.order_states else "success"
        if state == "success":
            self.owned[number] = "active"
        return {
            "id": "12ade33a-21c0-473b-b055-b3c836e1c292",
            "status": state,
            "phone_numbers": [{"phone_number": number, "status": state}],
        }


@asynccontextmanager
async def fake_telnyx() -> AsyncIterator[FakeTelnyx]:
    """A running one."""
    fake = FakeTelnyx()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        fake.url = f"http://127.0.0.1:{server.port}"
        yield fake
