"""Every provider's number inventory, look-up and balance, by the provider's word."""

from __future__ import annotations

from typing import Any

from enum_backend.gateways.inventory.bandwidth import (
    BandwidthBalance,
    BandwidthInventory,
    BandwidthLookup,
)
from enum_backend.gateways.inventory.base import Balance, Inventory, LineLookup
from enum_backend.gateways.inventory.plivo import PlivoBalance, PlivoInventory, PlivoLookup
from enum_backend.gateways.inventory.telnyx import TelnyxBalance, TelnyxInventory, TelnyxLookup
from enum_backend.gateways.inventory.twilio import TwilioBalance, TwilioInventory, TwilioLookup

INVENTORIES: dict[str, type[Inventory[Any]]] = {
    kind.provider: kind
    for kind in (BandwidthInventory, PlivoInventory, TelnyxInventory, TwilioInventory)
}

LOOKUPS: dict[str, type[LineLookup[Any]]] = {
    kind.provider: kind for kind in (BandwidthLookup, PlivoLookup, TelnyxLookup, TwilioLookup)
}

BALANCES: dict[str, type[Balance[Any]]] = {
    kind.provider: kind for kind in (BandwidthBalance, PlivoBalance, TelnyxBalance, TwilioBalance)
}
