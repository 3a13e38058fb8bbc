"""Tenants: made, changed, disabled, deleted; seeds of the settings."""

from __future__ import annotations

import asyncio
import threading
import time
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from enum_backend.access import KeyStore
from enum_backend.errors import NotFound, Unauthorized, ValidationFailed
from enum_backend.settings.tenants import TenantSettings
from enum_backend.shim_tokens import ShimTokenStore
from enum_backend.storage import Database, Sealer
from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import (
    agent_numbers,
    bindings,
    deliveries,
    endpoints,
    outbox,
    shim_tokens,
    tenants,
)
from enum_backend.tenants import store
from enum_backend.tenants.store import TenantStore


@pytest.fixture
def tenant_store(database: Database) -> TenantStore:
    return TenantStore(database)


def wrong(caught: pytest.ExceptionInfo[ValidationFailed]) -> str:
    """The field that is refused."""
    return caught.value.errors[0].field


async def test_a_tenant_from_birth_to_end(database: Database) -> None:
    changed: list[str] = []
    tenant_store = TenantStore(database, on_change=lambda: changed.append("x"))
    made = await tenant_store.create("acme", "Acme Ltd", Decimal("12.50"))
    assert await tenant_store.get("acme") == made
    assert (made.title, made.daily_cost, made.source) == ("Acme Ltd", Decimal("12.50"), "api")
    again = await tenant_store.change("acme", daily_cost=None, title="Acme")
    assert (again.title, again.daily_cost, again.disabled_at) == ("Acme", None, None)
    off = await tenant_store.change("acme", disabled=True)
    assert off.disabled_at is not None
    still = await tenant_store.change("acme", disabled=True, title="Off")
    assert (still.disabled_at, still.title) == (off.disabled_at, "Off")
    assert (await tenant_store.change("acme", title="On")).disabled_at == off.disabled_at
    assert (await tenant_store.change("acme", disabled=False)).disabled_at is None
    assert "acme" in [tenant.name for tenant in await tenant_store.all()]
    await tenant_store.delete("acme")
    assert len(changed) == 6
    for act in (tenant_store.get, tenant_store.delete, tenant_store.change):
        with pytest.raises(NotFound):
            await act("acme")
    assert "acme" not in [tenant.name for tenant in await tenant_store.all()]


async def test_names_are_given_out_once(tenant_store: TenantStore) -> None:
    await tenant_store.create("acme")
    with pytest.raises(ValidationFailed, match="is taken") as caught:
        await tenant_store.create("acme")
    assert wrong(caught) == "name"
    await tenant_store.delete("acme")
    with pytest.raises(ValidationFailed, match="was used before"):
        await tenant_store.create("acme")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "Acme"}),
        ("name", {"name": "a" * 65}),
        ("name", {"name": "-a"}),
        ("name", {"name": "a/b"}),
        ("name", {"name": "ä"}),
        ("name", {"name": "a\n"}),
        ("title", {"title": "t" * 121}),
        ("title", {"title": "a\nb"}),
        ("daily_cost", {"daily_cost": Decimal(0)}),
        ("daily_cost", {"daily_cost": Decimal("0.001")}),
        ("daily_cost", {"daily_cost": Decimal("NaN")}),
        ("daily_cost", {"daily_cost": Decimal("1e12")}),
    ],
)
async def test_wrong_tenants(tenant_store: TenantStore, field: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed) as caught:
        await tenant_store.create(**{"name": "acme", **values})
    assert wrong(caught) == field
    if field != "name":
        await tenant_store.create("acme")
        with pytest.raises(ValidationFailed) as caught:
            await tenant_store.change("acme", **values)
        assert wrong(caught) == field


async def test_the_default_tenant_stays(database: Database, tenant_store: TenantStore) -> None:
    await KeyStore(database).create("first", ("admin",))
    for act, values in ((tenant_store.change, {"disabled": True}), (tenant_store.delete, {})):
        with pytest.raises(ValidationFailed, match="always exists"):
            await act("default", **values)
    changed = await tenant_store.change("default", daily_cost=Decimal(5), disabled=False)
    assert changed.daily_cost == 5


async def test_seeds_of_the_settings(database: Database, tenant_store: TenantStore) -> None:
    await tenant_store.create("acme", "By hand")
    await tenant_store.create("gone")
    await tenant_store.delete("gone")

    async def start(*seeds: TenantSettings) -> None:
        def work(connection: Connection) -> None:
            store.seed(connection, seeds, 7)
            store.let_go(connection, seeds)

        await database.write(work)

    acme = TenantSettings(name="acme", title="Acme", daily_cost=Decimal(3))
    await start(acme, TenantSettings(name="gone"))
    found = {tenant.name: tenant for tenant in await tenant_store.all()}
    assert set(found) == {"default", "acme", "gone"}
    assert (found["acme"].title, found["acme"].daily_cost) == ("Acme", 3)
    assert found["acme"].created_at > 7
    assert [found[name].source for name in ("acme", "gone", "default")] == [
        "settings",
        "settings",
        "api",
    ]
    for act in (tenant_store.change, tenant_store.delete):
        with pytest.raises(ValidationFailed, match="stands in the settings"):
            await act("acme")
    await start(acme)
    assert (await tenant_store.get("gone")).source == "api"
    await tenant_store.delete("gone")


async def test_ceilings(database: Database, tenant_store: TenantStore) -> None:
    await tenant_store.create("acme", daily_cost=Decimal("1.25"))
    await tenant_store.create("free")
    found = await database.read(lambda c: store.ceilings(c, {"acme", "free", "nobody"}))
    assert found == {"acme": Decimal("1.25")}


def message(state: str, tenant: str = "acme") -> dict[str, Any]:
    return {
        "message_id": f"msg_{state}_{tenant}",
        "tenant": tenant,
        "client": "key:k",
        "state": state,
        "requested_to": "+15550100001",
        "destination": "+15550100001",
        "encoding": "GSM-7",
        "segments": 1,
        "chain": "[]",
        "route": "{}",
        "request_hash": b"",
        "gateway": "g",
        "created_at": 1,
        "valid_until": 2,
        "updated_at": 1,
    }


def delivery(state: str, tenant: str = "acme", kind: str = "webhook") -> dict[str, Any]:
    return {
        "delivery_id": f"dlv_{state}_{tenant}_{kind}",
        "inbox_id": f"in_{state}",
        "tenant": tenant,
        "kind": kind,
        "target": f"ep_{tenant}_{kind}",
        "state": state,
        "attempts": 0,
        "next_attempt_at": 2**42,
        "created_at": 1,
        "expires_at": 2**42,
    }


def endpoint(tenant: str, kind: str = "webhook") -> dict[str, Any]:
    return {
        "id": f"ep_{tenant}_{kind}",
        "tenant": tenant,
        "kind": kind,
        "address": "https://h.example/",
        "events": "message.received",
        "source": "api",
        "enabled": True,
        "created_at": 1,
        "updated_at": 1,
    }


async def test_what_a_tenant_has_is_not_deleted_with_it(
    database: Database, tenant_store: TenantStore
) -> None:
    await tenant_store.create("acme")
    keys = KeyStore(database)
    key, _ = await keys.create("one", ("admin",), "acme")
    other, _ = await keys.create("two", ("admin",), "acme")

    def give(connection: Connection) -> None:
        for number in ("+15550100001", "+15550100002"):
            values = {"number": number, "tenant": "acme", "proof": "admin"}
            row = values | {"created_by": "key:k", "created_at": 1}
            connection.execute(insert(bindings).values(**row))
        for number, removed_at in (("+15550100001", None), ("+15550100003", 1)):
            lent = {"number": number, "tenant": "acme", "source": "added", "added_by": "key:k"}
            row = lent | {"created_at": 1, "removed_at": removed_at}
            connection.execute(insert(agent_numbers).values(**row))
        token = {"program": "p", "server": "s", "tenant": "acme", "token_hash": b"h"}
        row = {"id": "shim_1", "token": b"t", "created_at": 1, **token}
        connection.execute(insert(shim_tokens).values(**row))
        for state in ("queued", "scheduled", "dispatching", "delivered"):
            connection.execute(insert(outbox).values(**message(state)))
        connection.execute(insert(outbox).values(**message("queued", "default")))
        for kind in ("webhook", "email", "sms"):
            connection.execute(insert(deliveries).values(**delivery("queued", kind=kind)))
        for state in ("delivered", "dead", "skipped"):
            connection.execute(insert(deliveries).values(**delivery(state)))
        connection.execute(insert(deliveries).values(**delivery("queued", "default")))

    await database.write(give)
    with pytest.raises(ValidationFailed) as caught:
        await tenant_store.delete("acme")
    expected = (
        "2 numbers, 1 number in the agents' pool, 2 API keys, 1 shim token, "
        "3 deliveries under way, 3 messages under way"
    )
    assert f"still has {expected}" in caught.value.message

    def take(connection: Connection) -> None:
        connection.execute(bindings.delete())
        connection.execute(update(agent_numbers).values(removed_at=1))
        connection.execute(update(shim_tokens).values(revoked_at=1))
        connection.execute(update(outbox).where(outbox.c.tenant == "acme").values(state="failed"))
        own = deliveries.c.tenant == "acme"
        connection.execute(update(deliveries).where(own).values(state="dead"))

    await database.write(take)
    await keys.revoke(key.id)
    with pytest.raises(ValidationFailed, match="still has 1 API key: end"):
        await tenant_store.delete("acme")
    await keys.revoke(other.id)
    await tenant_store.delete("acme")


async def test_a_tenants_endpoints_end_with_it(
    database: Database, tenant_store: TenantStore
) -> None:
    def give(connection: Connection) -> None:
        for tenant, kind in (("acme", "webhook"), ("acme", "sms"), ("other", "webhook")):
            connection.execute(insert(endpoints).values(**endpoint(tenant, kind)))

    await tenant_store.create("acme")
    await database.write(give)
    await tenant_store.delete("acme")
    left = await database.read(lambda c: c.execute(select(endpoints.c.tenant)).scalars().all())
    assert left == ["other"]


async def test_what_comes_in_while_a_tenant_is_deleted_is_seen(
    database: Database, tenant_store: TenantStore
) -> None:
    await tenant_store.create("acme")
    stored = threading.Event()

    def arrive(connection: Connection) -> None:
        serialize(connection, "inbox")
        connection.execute(insert(deliveries).values(**delivery("queued")))
        stored.set()
        time.sleep(0.2)

    arriving = asyncio.create_task(database.write(arrive))
    await asyncio.to_thread(stored.wait)
    with pytest.raises(ValidationFailed, match="1 delivery under way"):
        await tenant_store.delete("acme")
    await arriving


async def test_keys_are_for_tenants_that_are_there(
    database: Database, tenant_store: TenantStore
) -> None:
    keys = KeyStore(database)
    with pytest.raises(ValidationFailed, match="there is no tenant 'acme'"):
        await keys.create("n", ("admin",), "acme")
    await tenant_store.create("acme")
    _, token = await keys.create("n", ("sms:send",), "acme")
    assert (await keys.authenticate(token)).tenant == "acme"
    await tenant_store.change("acme", disabled=True)
    keys.forget()
    with pytest.raises(Unauthorized):
        await keys.authenticate(token)
    await tenant_store.change("acme", disabled=False)
    assert (await keys.authenticate(token)).tenant == "acme"
    query = select(tenants.c.name).where(tenants.c.disabled_at.is_not(None))
    assert await database.read(lambda c: c.execute(query).all()) == []


async def test_a_disabled_tenants_shim_tokens_are_refused(
    database: Database, tenant_store: TenantStore
) -> None:
    await tenant_store.create("acme")
    shims = ShimTokenStore(database, Sealer(bytes(32)))
    token = await shims.token_for("mesh", "a", "acme")
    assert await shims.find("mesh", token) is not None
    await tenant_store.change("acme", disabled=True)
    assert await shims.find("mesh", token) is None
