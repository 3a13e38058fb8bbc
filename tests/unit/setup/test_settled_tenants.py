"""What a start makes of the tenants and gateways in the settings."""

from __future__ import annotations

from structlog.testing import capture_logs

from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.gateways.telnyx import TelnyxGateway
from enum_backend.settings import Settings
from enum_backend.setup.tenants import settle_tenants
from enum_backend.storage import Database, Sealer
from enum_backend.tenants.numbers import TenantNumbers
from enum_backend.tenants.store import TenantStore

SENDER, MORE, SHARED = "+15550100001", "+15550100002", "+15550100003"


def registry() -> GatewayRegistry:
    found = GatewayRegistry()
    found.add("acme", TelnyxGateway(**{"from": SENDER, "numbers": (MORE,), "tenant": "acme"}))
    found.add("named", TelnyxGateway(**{"from": "Acme", "tenant": "acme"}))
    found.add("shared", TelnyxGateway(**{"from": SHARED}))
    return found


async def test_numbers_of_a_tenants_own_gateway_are_bound(database: Database) -> None:
    settings = Settings.model_validate({"tenants": [{"name": "acme"}]})
    with capture_logs() as logs:
        await settle_tenants(settings, registry(), database)
    numbers = TenantNumbers(database, Sealer(bytes(32)))
    assert [item.number for item in await numbers.of("acme")] == [SENDER, MORE]
    assert logs == []


async def test_a_number_bound_to_another_stays_there(database: Database) -> None:
    for name in ("acme", "rival"):
        await TenantStore(database).create(name)
    numbers = TenantNumbers(database, Sealer(bytes(32)))
    await numbers.bind("rival", MORE, "key:k")
    with capture_logs() as logs:
        await settle_tenants(Settings(), registry(), database)
    assert [item.number for item in await numbers.of("rival")] == [MORE]
    (warned,) = logs
    assert (warned["log_level"], warned["numbers"], warned["gateways_of"]) == (
        "warning",
        1,
        ["acme"],
    )
    assert MORE not in str(warned)


async def test_tenants_that_nobody_made_are_told(database: Database) -> None:
    owners = [{"address": f"E{name}", "tenant": name} for name in ("default", "delta", "gone")]
    settings = Settings.model_validate({"trust": {"owners": owners}})
    tenants = TenantStore(database)
    await tenants.create("gone")
    await tenants.delete("gone")
    with capture_logs() as logs:
        await settle_tenants(settings, registry(), database)
    assert [(line["log_level"], line["where"], line["tenants"]) for line in logs] == [
        ("warning", "trust.owners", ["delta", "gone"]),
        ("warning", "gateways", ["acme"]),
    ]
    assert all("do not exist" in line["event"] for line in logs)
    await tenants.create("delta")
    settings = Settings.model_validate({"trust": {"owners": owners[:2]}})
    with capture_logs() as logs:
        await settle_tenants(settings, GatewayRegistry(), database)
    assert logs == []
