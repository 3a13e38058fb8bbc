"""Everything about numbers, made from settings."""

from __future__ import annotations

from pathlib import Path

from enum_backend.gateways.providers import inventory_kinds, lookup_kinds
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.self_messages import SelfMessages
from enum_backend.messaging.service import MessageService
from enum_backend.numbers.actor import Desks
from enum_backend.numbers.addresses import Addresses
from enum_backend.numbers.classify import Classifier
from enum_backend.numbers.currency import use_rates
from enum_backend.numbers.inventory import NumberInventory
from enum_backend.numbers.lookups import LookupBudget
from enum_backend.numbers.loop import LoopCheck
from enum_backend.numbers.offers import Offers
from enum_backend.numbers.prices import PriceList, load_prices
from enum_backend.numbers.purchase import Buyer
from enum_backend.numbers.store import NumberStore
from enum_backend.settings import Settings
from enum_backend.storage import Database, Sealer


def build_prices(settings: Settings) -> PriceList:
    """The price list; its exchange rates are used from now on.

    Raises:
        SettingsError: it cannot be used.
    """
    prices = load_prices(Path(settings.prices_file) if settings.prices_file else None)
    use_rates(prices.rates)
    return prices


def build_classifier(
    settings: Settings, pool: GatewayPool, prices: PriceList, database: Database | None
) -> Classifier:
    """Look-ups at the configured gateways; a simulation asks, and pays, nobody.

    Args:
        database: counts what live look-ups cost; None where none is made.
    """
    may_ask = pool.mode != "simulation" and database is not None
    budget = None
    if database is not None:
        budget = LookupBudget(database, prices, ceiling=settings.limits.daily_cost)
    return Classifier(pool.registry, lookup_kinds(), budget=budget, may_ask=may_ask)


def build_desks(pool: GatewayPool) -> Desks:
    """The gateways that sell numbers."""
    return Desks(pool.registry, inventory_kinds())


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
    addresses = Addresses(settings.public_base_url, settings.public_failover_url)
    return NumberInventory(
        build_desks(pool),
        numbers,
        build_offers(settings, prices),
        Buyer(numbers, addresses, ceiling=settings.limits.daily_cost),
        LoopCheck(database, sealer, SelfMessages(messages)),
        addresses=addresses,
        live=pool.mode == "live",
    )
