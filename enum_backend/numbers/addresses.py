"""Where providers reach us."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from enum_backend.gateways.base import Gateway


@dataclass(frozen=True, slots=True)
class Addresses:
    """Our public addresses, empty = not set; never from a request.

    Attributes:
        public, failover: scheme, host and path, without a slash at the end.
    """

    public: str
    failover: str = ""

    def webhook(self, provider: str, gateway: str) -> str:
        """The address for a gateway's messages and reports."""
        return f"{self.public}{_path(provider, gateway)}"

    def failover_webhook(self, provider: str, gateway: str) -> str:
        """The second one, empty if there is none."""
        return f"{self.failover}{_path(provider, gateway)}" if self.failover else ""

    def of(self, gateway: Gateway) -> tuple[str, str]:
        """Both, as a bought number gets them."""
        place = (gateway.provider, gateway.name)
        return self.webhook(*place), self.failover_webhook(*place)


def _path(provider: str, gateway: str) -> str:
    return f"/sms/webhook/{quote(provider, safe='')}/{quote(gateway, safe='')}"
