"""What admins do: lists, replays, endpoints and their secrets."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, update

from enum_backend.egress import Egress
from enum_backend.errors import NotFound, ValidationFailed
from enum_backend.messaging.deliveries import endpoints, letters, opening, outcomes, queue
from enum_backend.messaging.deliveries.desk import DeliveryDesk
from enum_backend.messaging.deliveries.endpoints import SETTINGS, Endpoint
from enum_backend.messaging.deliveries.model import Kind, State, Target, Why
from enum_backend.messaging.deliveries.outcomes import Finished, Postponed
from enum_backend.messaging.deliveries.tenant_secrets import TenantSecrets
from enum_backend.standard_webhooks import check_secret
from enum_backend.storage.tables import tenants
from tests.unit.messaging.inbound_world import NOW, InboundWorld

URL = "https://hooks.example.com/in"


@pytest.fixture
async def desk(box: InboundWorld) -> Any:
    row = {"title": "", "source": "api", "created_at": 1}
    await box.database.write(
        lambda c: (
            c.execute(
                insert(tenants), [{"name": name, **row} for name in ("acme", "other")]
            ).rowcount
        )
    )
    woken: list[int] = []
    made: Any = DeliveryDesk(
        box.database,
        box.world.sealer,
        Egress(),
        TenantSecrets(box.world.sealer, {"acme": ("configured secret",)}),
        validity=3600,
        on_queued=lambda: woken.append(1),
    )
    made.woken = woken
    return made


async def three(box: InboundWorld) -> list[Any]:
    """One delivered, one dead, one waiting."""
    await box.add_targets(
        *(Target(Kind.EMAIL, f"rec_{n}", "a@example.com") for n in range(3)), tenant="acme"
    )

    def work(connection: Any) -> None:
        rows = queue.claim(
            connection, owner="w", now=NOW, lease_ms=9, limit=9, room=lambda _target: 9
        )
        a, b, c = (row.id for row in rows)
        outcomes.record_many(
            connection,
            [
                Finished(a, State.DELIVERED, status=200),
                Finished(b, State.DEAD, Why.BAD_STATUS, 500),
                Postponed(c, NOW + 99_999, Why.NO_ANSWER),
            ],
            owner="w",
            now=NOW,
        )

    await box.database.write(work)
    return list(await box.deliveries())


async def test_lists(box: InboundWorld, desk: DeliveryDesk) -> None:
    delivered, dead, waiting = await three(box)
    found = await desk.page()
    assert [item.delivery_id for item in found] == [
        waiting.delivery_id,
        dead.delivery_id,
        delivered.delivery_id,
    ]
    assert (found[1].state, found[1].reason, found[1].status) == ("dead", "bad_status", 500)
    assert [item.state for item in await desk.page(state=State.DEAD)] == ["dead"]
    assert [item.state for item in await desk.page(state=State.QUEUED)] == ["queued"]
    assert await desk.page(tenant="other") == []
    assert len(await desk.page(tenant="acme", inbox_id=dead.inbox_id)) == 3
    assert await desk.page(inbox_id="in_none") == []
    older = await desk.page(before=found[0].cursor, limit=1)
    assert [item.delivery_id for item in older] == [dead.delivery_id]
    counts = await box.database.read(letters.count_waiting)
    assert counts == {"queued": 1, "dead": 1}


async def test_replays(box: InboundWorld, desk: Any) -> None:
    delivered, dead, waiting = await three(box)
    for row in (delivered, dead, waiting):
        again = await desk.replay(row.delivery_id)
        assert (again.state, again.attempts, again.finished_at) == ("queued", 0, None)
        assert again.next_attempt_at is not None
        assert again.expires_at == again.next_attempt_at + 3_600_000
    assert len(desk.woken) == 3
    with pytest.raises(NotFound):
        await desk.replay("dlv_none")


async def test_a_delivery_under_way_is_left_alone(box: InboundWorld, desk: DeliveryDesk) -> None:
    await box.add_targets(Target(Kind.EMAIL, "rec_1", "a@example.com"))
    await box.database.write(
        lambda c: queue.claim(c, owner="w", now=NOW, lease_ms=9000, limit=9, room=lambda _target: 9)
    )
    row = await box.delivery()
    assert (await desk.replay(row.delivery_id)).next_attempt_at == NOW + 9000
    assert (await box.delivery()).lease_owner == "w"


async def test_dead_letters_are_replayed_together(
    box: InboundWorld, desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await box.add_targets(
        *(Target(Kind.EMAIL, f"rec_{n}", "a@example.com") for n in range(5)), tenant="acme"
    )
    await box.change(state="dead")
    monkeypatch.setattr(letters, "MAX_REPLAYED", 2)
    assert await desk.replay_dead("other") == 0
    assert desk.woken == []
    assert await desk.replay_dead("acme") == 5
    assert {row.state for row in await box.deliveries()} == {"queued"}
    assert await desk.replay_dead(None) == 0


async def test_nothing_is_made_again_for_a_deleted_tenant(box: InboundWorld, desk: Any) -> None:
    await box.add_targets(Target(Kind.EMAIL, "rec_1", "a@example.com"), tenant="acme")
    await box.add_targets(Target(Kind.EMAIL, "rec_2", "a@example.com"), tenant="*", key="m-2")
    await box.change(state="dead")
    gone = update(tenants).where(tenants.c.name == "acme").values(deleted_at=1)
    await box.database.write(lambda c: c.execute(gone).rowcount)
    first, _ = await box.deliveries()
    with pytest.raises(ValidationFailed, match="acme is deleted"):
        await desk.replay(first.delivery_id)
    assert await desk.replay_dead("acme") == 0
    assert await desk.replay_dead(None) == 1
    assert [row.state for row in await box.deliveries()] == ["dead", "queued"]


async def test_what_waits_for_an_endpoint_that_is_removed_is_ended_at_once(
    box: InboundWorld, desk: Any
) -> None:
    made, _ = await desk.add("acme", Kind.EMAIL, "a@example.com")
    await box.add_targets(Target(Kind.EMAIL, made.id), tenant="acme")
    await box.change(next_attempt_at=2**42)
    await desk.remove(made.id)
    assert (await box.delivery()).next_attempt_at < 2**42
    assert desk.woken


async def test_endpoints(box: InboundWorld, desk: Any) -> None:
    made, secret = await desk.add("acme", Kind.WEBHOOK, URL, "https://b.example/")
    check_secret(secret)
    assert (made.tenant, made.address, made.failover_url) == ("acme", URL, "https://b.example/")
    assert (made.enabled, made.has_secret, made.source) == (True, True, "api")
    assert "hooks" not in repr(made)
    mail, none = await desk.add("acme", Kind.EMAIL, "a@example.com")
    assert none is None
    phone, _ = await desk.add("other", Kind.SMS, "+15550001111")
    assert {item.id for item in await desk.endpoints("acme")} == {made.id, mail.id}
    assert len(await desk.endpoints(None)) == 3
    moved = await desk.change(made.id, address="https://c.example/", failover_url="")
    assert (moved.address, moved.failover_url) == ("https://c.example/", None)
    off = await desk.change(made.id, enabled=False)
    assert (off.enabled, off.disabled_reason) == (False, "by_hand")
    on = await desk.change(made.id, enabled=True)
    assert (on.enabled, on.disabled_reason, on.address) == (True, None, "https://c.example/")
    await desk.remove(phone.id)
    assert len(await desk.endpoints(None)) == 2


@pytest.mark.parametrize(
    ("kind", "address", "failover", "secret", "field"),
    [
        (Kind.WEBHOOK, "http://h.example/", None, None, "address"),
        (Kind.WEBHOOK, "https://10.0.0.1/", None, None, "address"),
        (Kind.WEBHOOK, URL, "http://b.example/", None, "failover_url"),
        (Kind.WEBHOOK, URL, None, "short", "secret"),
        (Kind.EMAIL, "alice", None, None, "address"),
        (Kind.EMAIL, "a@example.com", "https://b.example/", None, "failover_url"),
    ],
)
async def test_endpoints_that_cannot_be_used(
    desk: DeliveryDesk, kind: Kind, address: str, failover: Any, secret: Any, field: str
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        await desk.add("acme", kind, address, failover, secret)
    assert [error.field for error in caught.value.errors] == [field]


async def test_what_there_may_not_be(
    box: InboundWorld, desk: DeliveryDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.add("acme", Kind.WEBHOOK, URL)
    with pytest.raises(ValidationFailed, match="already"):
        await desk.add("acme", Kind.WEBHOOK, URL)
    await desk.add("other", Kind.WEBHOOK, URL)
    with pytest.raises(ValidationFailed, match="no tenant"):
        await desk.add("nobody", Kind.WEBHOOK, URL)
    monkeypatch.setattr(endpoints, "MAX_PER_TENANT", 1)
    with pytest.raises(ValidationFailed, match="at most 1"):
        await desk.add("acme", Kind.EMAIL, "a@example.com")
    for call in (
        desk.change("ep_none", enabled=True),
        desk.rotate("ep_none"),
        desk.end_rotation("ep_none"),
        desk.remove("ep_none"),
    ):
        with pytest.raises(NotFound):
            await call


async def secrets_of(box: InboundWorld, key: str) -> tuple[str, ...]:
    """What a webhook to the endpoint is signed with."""
    await box.add_targets(Target(Kind.WEBHOOK, key), tenant="acme")
    rows = await box.database.write(
        lambda c: queue.claim(c, owner="w", now=NOW, lease_ms=1, limit=9, room=lambda _target: 9)
    )
    await box.database.write(lambda c: c.exec_driver_sql("DELETE FROM deliveries").rowcount)
    await box.database.write(lambda c: c.exec_driver_sql("DELETE FROM inbox").rowcount)
    return opening.opened(rows[0], box.world.sealer, lambda _tenant: ("tenant's",)).secrets


async def test_rotation(box: InboundWorld, desk: DeliveryDesk) -> None:
    made, first = await desk.add("acme", Kind.WEBHOOK, URL)
    assert await secrets_of(box, made.id) == (first,)
    second = await desk.rotate(made.id)
    assert await secrets_of(box, made.id) == (second, first)
    third = await desk.rotate(made.id, "my own secret, 32 characters long")
    assert await secrets_of(box, made.id) == (third, second)
    await desk.end_rotation(made.id)
    assert await secrets_of(box, made.id) == (third,)
    with pytest.raises(ValidationFailed):
        await desk.rotate(made.id, "short")
    mail, _ = await desk.add("acme", Kind.EMAIL, "a@example.com")
    with pytest.raises(ValidationFailed, match="no secret"):
        await desk.rotate(mail.id)


async def test_what_the_settings_name(box: InboundWorld, desk: DeliveryDesk) -> None:
    def named(address: str, key: str = "set:acme:webhook", second: Any = None) -> Endpoint:
        return Endpoint(key, "acme", Kind.WEBHOOK, address, second, source=SETTINGS)

    async def keep(*wanted: Endpoint) -> None:
        await box.database.write(lambda c: endpoints.keep_configured(c, wanted, NOW))

    own, _ = await desk.add("acme", Kind.WEBHOOK, URL)
    await keep(named("http://10.0.0.1/"), named("http://10.0.0.2/", "set:other:webhook"))
    assert len(await desk.endpoints(None)) == 3
    for call in (
        desk.change("set:acme:webhook", address="https://x.example/"),
        desk.remove("set:acme:webhook"),
    ):
        with pytest.raises(ValidationFailed, match="settings"):
            await call
    await desk.change("set:acme:webhook", enabled=False)
    await keep(named("http://10.0.0.1/", second="http://10.0.0.9/"))
    ids = {item.id: item for item in await desk.endpoints(None)}
    assert set(ids) == {own.id, "set:acme:webhook"}
    assert (ids["set:acme:webhook"].enabled, ids["set:acme:webhook"].failover_url) == (
        False,
        "http://10.0.0.9/",
    )
    await keep(named("http://10.0.0.3/"))
    (found,) = (item for item in await desk.endpoints("acme") if item.source == SETTINGS)
    assert (found.address, found.enabled, found.disabled_reason) == ("http://10.0.0.3/", True, None)
    await keep(named("http://10.0.0.3/"))
    await keep()
    assert [item.id for item in await desk.endpoints(None)] == [own.id]


async def test_secrets_of_tenants(box: InboundWorld, desk: DeliveryDesk) -> None:
    assert await desk.secret_of("acme") == "configured secret"
    derived = await desk.secret_of("other")
    check_secret(derived)
    assert derived == await desk.secret_of("other")
    again = TenantSecrets(box.world.sealer, {"other": ()})
    assert again.of("other") == (derived,)
    assert again.of("acme") != (derived,)
    with pytest.raises(ValidationFailed, match="no tenant"):
        await desk.secret_of("nobody")
