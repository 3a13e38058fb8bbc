"""Every provider, and what its files bring: the one place where a provider is registered.

One of this package is a line in `BUILT_IN`. One in a package of its own is an entry
point, declared in that package's `pyproject.toml`:

    [project.entry-points."enum_backend.gateways"]
    acme = "acme_sms:PROVIDER"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from enum_backend.errors import FieldError, SettingsError
from enum_backend.gateways.android import AndroidGateway
from enum_backend.gateways.bandwidth import BandwidthGateway
from enum_backend.gateways.base import Gateway, GatewayOptionsError
from enum_backend.gateways.http import HttpGateway
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
from enum_backend.gateways.plivo import PlivoGateway
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.gateways.telnyx import TelnyxGateway
from enum_backend.gateways.twilio import TwilioGateway
from enum_backend.gateways.url import UrlGateway
from enum_backend.gateways.voipms import VoipmsGateway
from enum_backend.gateways.vonage import VonageGateway
from enum_backend.gateways.webhooks.android import AndroidWebhook
from enum_backend.gateways.webhooks.bandwidth import BandwidthWebhook
from enum_backend.gateways.webhooks.base import Webhook
from enum_backend.gateways.webhooks.http import HttpWebhook
from enum_backend.gateways.webhooks.plivo import PlivoWebhook
from enum_backend.gateways.webhooks.telnyx import TelnyxWebhook
from enum_backend.gateways.webhooks.twilio import TwilioWebhook
from enum_backend.gateways.webhooks.voipms import VoipmsWebhook
from enum_backend.gateways.webhooks.vonage import VonageWebhook

GROUP = "enum_backend.gateways"


@dataclass(frozen=True, slots=True)
class Provider:
    """What there is for one provider; everything but the gateway may be left out.

    Raises:
        ValueError: a part is another provider's, or a capability that the gateway
            declares has no part.
    """

    gateway: type[Gateway]
    webhook: type[Webhook[Any]] | None = None
    inventory: type[Inventory[Any]] | None = None
    lookup: type[LineLookup[Any]] | None = None
    balance: type[Balance[Any]] | None = None

    def __post_init__(self) -> None:
        can = self.gateway.capabilities
        for part in (self.webhook, self.inventory, self.lookup, self.balance):
            if part is not None and part.provider != self.name:
                raise ValueError(f"{part.__name__} is of provider {part.provider!r}")
        for declared, capability, part in (
            (can.inbound, "inbound", self.webhook),
            (can.delivery_reports, "delivery_reports", self.webhook),
            (can.numbers, "numbers", self.inventory),
            (can.line_type, "line_type", self.lookup),
            (can.balance, "balance", self.balance),
        ):
            if declared and part is None:
                raise ValueError(f"{self.gateway.__name__} declares {capability}, nothing does it")

    @property
    def name(self) -> str:
        """The word that settings and records use."""
        return self.gateway.provider


BUILT_IN = (
    Provider(AndroidGateway, AndroidWebhook, balance=AndroidBalance),
    Provider(
        BandwidthGateway, BandwidthWebhook, BandwidthInventory, BandwidthLookup, BandwidthBalance
    ),
    Provider(HttpGateway, HttpWebhook),
    Provider(PlivoGateway, PlivoWebhook, PlivoInventory, PlivoLookup, PlivoBalance),
    Provider(SimulatorGateway),
    Provider(TelnyxGateway, TelnyxWebhook, TelnyxInventory, TelnyxLookup, TelnyxBalance),
    Provider(TwilioGateway, TwilioWebhook, TwilioInventory, TwilioLookup, TwilioBalance),
    Provider(UrlGateway),
    Provider(VoipmsGateway, VoipmsWebhook, VoipmsInventory, balance=VoipmsBalance),
    Provider(VonageGateway, VonageWebhook, VonageInventory, VonageLookup, VonageBalance),
)


@cache
def providers() -> dict[str, Provider]:
    """Every provider by its name: the built-in ones, then those of installed packages.

    Raises:
        SettingsError: an installed one cannot be loaded, or takes a name that is taken.
    """
    found = {provider.name: provider for provider in BUILT_IN}
    for point in sorted(entry_points(group=GROUP), key=lambda item: item.name):
        try:
            provider = point.load()
        except Exception as error:
            raise SettingsError(f"provider {point.name}: cannot be loaded: {error}") from error
        if not isinstance(provider, Provider):
            raise SettingsError(f"provider {point.name}: {point.value} is no Provider")
        if provider.name in found:
            raise SettingsError(f"provider {point.name}: there is already a {provider.name!r}")
        found[provider.name] = provider
    return found


def webhook_kinds() -> dict[str, type[Webhook[Any]]]:
    """The webhook of each provider that has one."""
    return {name: item.webhook for name, item in providers().items() if item.webhook}


def inventory_kinds() -> dict[str, type[Inventory[Any]]]:
    """The number inventory of each provider that has one."""
    return {name: item.inventory for name, item in providers().items() if item.inventory}


def lookup_kinds() -> dict[str, type[LineLookup[Any]]]:
    """The line-type look-up of each provider that has one."""
    return {name: item.lookup for name, item in providers().items() if item.lookup}


def balance_kinds() -> dict[str, type[Balance[Any]]]:
    """The proof of credentials of each provider that has one."""
    return {name: item.balance for name, item in providers().items() if item.balance}


def build_gateway(provider: str, name: str, options: Mapping[str, Any]) -> Gateway:
    """One gateway from its settings section (without the key `provider`).

    Raises:
        GatewayOptionsError: there is no such provider, or a key is wrong.
    """
    known = providers().get(provider)
    if known is None:
        near = get_close_matches(provider, providers(), n=1)
        names = ", ".join(sorted(providers()))
        hint = f"did you mean {near[0]!r}?" if near else f"known are {names}"
        message = f"there is no provider {provider!r}, {hint}"
        raise GatewayOptionsError(name, [FieldError("provider", message)])
    return known.gateway(name, **options)
