"""Phones of our own: what their SIM cards have sent, and where they report."""

from __future__ import annotations

import structlog

from enum_backend.gateways.android import AndroidGateway
from enum_backend.gateways.android_keeper import WebhookKeeper
from enum_backend.gateways.android_ledger_stored import DatabaseSimLedger
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.numbers.addresses import Addresses
from enum_backend.settings import Settings
from enum_backend.storage import Database

log = structlog.get_logger("enum_backend.gateways.android")


def phone_gateways(pool: GatewayPool) -> list[AndroidGateway]:
    """The gateways of phones that are complete."""
    return [
        gateway
        for gateway in pool.registry
        if isinstance(gateway, AndroidGateway) and not gateway.missing()
    ]


def webhook_address(settings: Settings, gateway: AndroidGateway) -> str:
    """Where the gateway's phones report."""
    return Addresses(settings.public_base_url).webhook(gateway.provider, gateway.name)


def remember_sends(pool: GatewayPool, database: Database) -> None:
    """Count the messages of SIM cards in the database, so that a restart forgets none."""
    ledger = DatabaseSimLedger(database)
    for gateway in phone_gateways(pool):
        gateway.rota.ledger = ledger


def build_webhook_keeper(settings: Settings, pool: GatewayPool) -> WebhookKeeper:
    """What registers our webhooks at the phones; in a simulation none is asked."""
    gateways = [] if pool.mode == "simulation" else phone_gateways(pool)
    if gateways and not settings.public_base_url:
        log.warning("phones cannot be told where to report: public_base_url is not set")
        gateways = []
    return WebhookKeeper(gateways, lambda gateway: webhook_address(settings, gateway))
