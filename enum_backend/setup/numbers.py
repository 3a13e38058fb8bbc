"""Everything about numbers, made from settings."""

from __future__ import annotations

from pathlib import Path

from enum_backend.gateways.inventory.registry import INVENTORIES, LOOKUPS
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.self_messages import SelfMessages
from enum_backend.messaging.service import MessageService
from enum_backend.numbers.actor import Desks
from enum_backend.numbers.classify import Classifier
from enum_backend.numbers.inventory import Addresses, NumberInventory
from enum_backend.numbers.loop import LoopCheck
from enum_backend.numbers.offers import Offers
from enum_backend.numbers.prices import PriceList, load_prices
from enum_backend.numbers.purchase import Buyer
from enum_backend.numbers.store import NumberStore
from enum_backend.settings import Settings
from enum_backend.storage import Database, Sealer


def build_prices(settings: Settings) -> PriceList:
    """The price list.

    Raises:
        SettingsError: it cannot be used.
    """
    return load_prices(Path(settings.prices_file) if settings.prices_file else None)


def build_classifier(pool: GatewayPool) -> Classifier:
    """Look-ups at the configured gateways; a simulation asks, and pays, nobody."""
    return Classifier(pool.registry, LOOKUPS, may_ask=pool.mode != "simulation")


def build_desks(pool: GatewayPool) -> Desks:
    """The gateways that sell numbers."""
    return Desks(pool.registry, INVENTORIES)


def build_offers(settings: Settings, prices: PriceList) -> Offers:
    """Searches at them."""
    return Offers(prices, settings.default_region)


async def build_inventory(
    settings: Settings,
    pool: GatewayPool,
    prices: PriceList,
    database: Database,
    sealer: Sealer,
    messages: MessageService,
) -> NumberInventory:
    """Our numbers, read from the database and bound to their gateways."""
    numbers = NumberStore(database, pool.registry)
    await numbers.load()
    return NumberInventory(
        build_desks(pool),
        numbers,
        build_offers(settings, prices),
        Buyer(numbers, ceiling=settings.limits.daily_cost),
        LoopCheck(database, sealer, SelfMessages(messages)),
        addresses=Addresses(settings.public_base_url, settings.public_failover_url),
        live=pool.mode == "live",
    )
