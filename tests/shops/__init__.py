"""Providers that sell numbers, on loopback: as much of each one's API as buying needs."""

from tests.shops.bandwidth import BandwidthShop
from tests.shops.base import Shop, open_shop
from tests.shops.plivo import PlivoShop
from tests.shops.telnyx import TelnyxShop
from tests.shops.twilio import TwilioShop
from tests.shops.voipms import VoipmsShop
from tests.shops.vonage import VonageShop

SHOPS: tuple[type[Shop], ...] = (
    BandwidthShop,
    PlivoShop,
    TelnyxShop,
    TwilioShop,
    VoipmsShop,
    VonageShop,
)

__all__ = ["SHOPS", "Shop", "open_shop"]
