"""What a message is expected to cost, before a provider says so."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from enum_backend.gateways.base import Cost
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.numbers.offline import number_plan
from enum_backend.numbers.prices import PriceList

Estimate = Callable[[str, str, int], Cost | None]
"""(gateway, `+E.164`, segments) -> the whole message; None where no price is known."""


class Pricing:
    """Prices of the configured gateways, in US dollars.

    A gateway's own `price` comes first, then the price list: its provider's price to
    the destination's country, else its price to anywhere.

    Args:
        prices: None = only gateways with a price of their own have one.
    """

    def __init__(self, pool: GatewayPool, prices: PriceList | None = None) -> None:
        self._pool = pool
        self._prices = prices

    def text(self, name: str, text: str) -> str:
        """What the gateway `name` bills: the text with what its account puts before it."""
        gateway = self._pool.registry.get(name)
        return text if gateway is None else gateway.options.text_prefix + text

    def segment(self, name: str, destination: str) -> Decimal | None:
        """One segment by the gateway `name` to `+E.164`; None where no price is known."""
        gateway = self._pool.registry.get(name)
        if gateway is None:
            return None
        if gateway.options.price is not None:
            return gateway.options.price
        if self._prices is None:
            return None
        return self._prices.segment(gateway.provider, number_plan(destination).region)

    def estimate(self, name: str, destination: str, segments: int) -> Cost | None:
        """A whole message; None where no price is known."""
        price = self.segment(name, destination)
        return None if price is None else Cost(price * segments)
