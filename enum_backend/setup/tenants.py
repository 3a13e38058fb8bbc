"""Tenants and bindings as the settings have them, and what works with them."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection

from enum_backend.clock import now_ms
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.settings import Settings
from enum_backend.storage import Database
from enum_backend.tenants import bindings, store

log = structlog.get_logger("enum_backend.tenants")


async def settle_tenants(settings: Settings, registry: GatewayRegistry, database: Database) -> None:
    """Write the tenants of the settings, and the numbers of their own gateways, to the database."""
    numbers = {
        number: gateway.options.tenant
        for gateway in registry
        for number in (gateway.options.sender, *gateway.options.numbers)
        if gateway.options.tenant and number.startswith("+")
    }

    named = {
        "trust.owners": {owner.tenant for owner in settings.trust.owners},
        "gateways": {gateway.options.tenant for gateway in registry} - {""},
    }

    def work(connection: Connection) -> tuple[list[str], dict[str, list[str]]]:
        store.seed(connection, settings.tenants, now_ms())
        store.let_go(connection, settings.tenants)
        missing = {
            where: sorted(name for name in names if not store.exists(connection, name))
            for where, names in named.items()
        }
        return bindings.keep_configured(connection, numbers, now_ms()), missing

    elsewhere, missing = await database.write(work)
    for where, names in missing.items():
        if names:
            log.warning(
                "the settings name tenants that do not exist: until they do, messages to their "
                "numbers are nobody's",
                where=where,
                tenants=names,
            )
    if elsewhere:
        log.warning(
            "numbers in a tenant's gateway are bound to another tenant; the binding counts",
            numbers=len(elsewhere),
            gateways_of=sorted({numbers[number] for number in elsewhere}),
        )
