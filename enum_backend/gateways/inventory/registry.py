"""Every provider's number inventory, look-up and balance, by the provider's word."""

from __future__ import annotations

from typing import Any

from enum_backend.gateways.inventory.android import AndroidBalance
from enum_backend.gateways.inventory.bandwidth import (
    BandwidthBalance,
    BandwidthInventory,
    BandwidthLookup,
)
from enum_backend.gateways.inventory.base import Balance, Inventory, LineLookup
from enum_backend.gateways.inventory.plivo import PlivoBalance, PlivoInventory, PlivoLookup
from enum_backend.gateways.inventory.telnyx import TelnyxBalance, TelnyxInventory, TelnyxLookup
from enum_backend.gateways.inventory.twilio import TwilioBalance, TwilioInventory, TwilioLookup
from enum_backend.gateways.inventory.voipms import VoipmsBalance, VoipmsInventory
from enum_backend.gateways.inventory.vonage import VonageBalance, VonageInventory, VonageLookup

INVENTORIES: dict[str, type[Inventory[Any]]] = {
    kind.provider: kind
    for kind in (
        BandwidthInventory,
        PlivoInventory,
        TelnyxInventory,
        TwilioInventory,
        VoipmsInventory,
        VonageInventory,
    )
}

LOOKUPS: dict[str, type[LineLookup[Any]]] = {
    kind.provider: kind
    for kind in (BandwidthLookup, PlivoLookup, TelnyxLookup, TwilioLookup, VonageLookup)
}

BALANCES: dict[str, type[Balance[Any]]] = {
    kind.provider: kind
    for kind in (
        AndroidBalance,
        BandwidthBalance,
        PlivoBalance,
        TelnyxBalance,
        TwilioBalance,
        VoipmsBalance,
        VonageBalance,
    )
}
