from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from enum_backend.clock import now_ms
from enum_backend.errors import IdempotencyConflict
from enum_backend.gateways.base import Cost, ProviderStatus, Reason, StatusResult
from enum_backend.messaging import outbox, outcomes
from enum_backend.messaging.changes import apply
from enum_backend.messaging.model import Client, cost_json, from_micros, to_micros
from enum_backend.numbers.currency import to_usd
from enum_backend.settings.models import LimitSettings
from tests.unit.messaging.messaging_world import CANARY, OTHER, TO, World, accept, request


@pytest.fixture(autouse=True)
def _one(world: World) -> None:
    world.gateway("one", price="0.01")


async def send(world: World, **changes: Any) -> Any:
    return await world.service.send(request(**changes))


@pytest.mark.parametrize("name", ["idempotency_key", "client_reference"])
async def test_the_same_key_is_the_same_message(world: World, name: str) -> None:
    first = await send(world, **{name: "k"})
    again = await send(world, **{name: "k"})
    assert (again.message_id, again.repeated) == (first.message_id, True)
    assert not first.repeated
    assert again.cost == Cost(Decimal("0.01"))
    for changed in ({"text": "other"}, {"to": OTHER}, {"gateway": "one"}, {"send_at": 1}):
        with pytest.raises(IdempotencyConflict):
            await send(world, **{name: "k", **changed})
    other = await send(world, **{name: "k"}, client=Client("key:k2", "default", 0))
    assert other.message_id != first.message_id
    assert len(await world.rows()) == 2


async def test_key_and_reference_do_not_meet(world: World) -> None:
    first = await send(world, idempotency_key="k")
    second = await send(world, client_reference="k")
    assert first.message_id != second.message_id


async def test_a_repeat_costs_no_limit(world: World) -> None:
    world.limits = LimitSettings(per_recipient_hour=1)
    await send(world, idempotency_key="k")
    assert (await send(world, idempotency_key="k")).repeated


async def test_many_at_once_with_one_key_are_one_message(world: World) -> None:
    sends = [send(world, idempotency_key="k") for _ in range(20)]
    sends += [send(world, repeat_window=10, text="shim") for _ in range(20)]
    found = await asyncio.gather(*sends)
    assert len({accepted.message_id for accepted in found}) == 2
    assert sum(not accepted.repeated for accepted in found) == 2


async def accept_at(world: World, now: int, **changes: Any) -> Any:
    return await accept(world, world.limits, now, repeat_window=10.0, **changes)


async def test_the_repeat_window_is_ten_seconds(world: World) -> None:
    now = now_ms()
    first = await accept_at(world, now)
    assert (await accept_at(world, now + 9999)).message_id == first.message_id
    other_text = await accept_at(world, now, text="other code")
    other_number = await accept_at(world, now, to=OTHER)
    other_client = await accept_at(world, now, client=Client("shim:2", "default", 0))
    later = await accept_at(world, now + 10_000)
    ids = [m.message_id for m in (first, other_text, other_number, other_client, later)]
    assert len(set(ids)) == 5


@pytest.mark.parametrize(
    ("state", "is_repeat"),
    [
        ("failed", False),
        ("expired", False),
        ("undelivered", False),
        ("canceled", False),
        ("queued", True),
        ("dispatching", True),
        ("sent", True),
        ("delivered", True),
        ("unknown", True),
    ],
)
async def test_unless_the_first_failed(world: World, state: str, is_repeat: bool) -> None:
    first = await send(world, repeat_window=10)
    await world.change(first.message_id, state=state)
    again = await send(world, repeat_window=10)
    assert again.repeated is is_repeat


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_database_files_hold_no_text(world: World) -> None:
    await send(world, repeat_window=10, idempotency_key="k")
    await send(world, is_code=True)
    await world.database.close()
    stored = b"".join(path.read_bytes() for path in world.path.iterdir() if path.is_file())
    assert TO.encode() in stored
    for form in (CANARY, CANARY.split()[1]):
        assert form.encode() not in stored
        assert form.encode("utf-16-le") not in stored


async def test_find_shows_a_tenants_own_messages_only(world: World) -> None:
    accepted = await send(world, client_reference="r")
    view = await world.database.read(lambda c: outbox.find(c, accepted.message_id, "default"))
    assert view is not None
    assert (view.to, view.client_reference, view.status) == (TO, "r", "queued")
    assert CANARY not in repr(view)
    for message_id, tenant in ((accepted.message_id, "acme"), ("msg_none", "default")):
        found = await world.database.read(
            lambda c, i=message_id, t=tenant: outbox.find(c, i, t)  # type: ignore[misc]
        )
        assert found is None


async def test_a_status_never_goes_backwards(world: World) -> None:
    accepted = await send(world)
    message_id = accepted.message_id

    async def told(status: ProviderStatus, **more: Any) -> Any:
        await world.database.write(
            lambda c: apply(c, [outcomes.reported(message_id, StatusResult(status, **more))], 99)
        )
        return await world.row(message_id)

    assert (await told(ProviderStatus.DELIVERED)).state == "queued"
    await world.change(message_id, state="sent")
    row = await told(ProviderStatus.SENT, cost=Cost(Decimal("0.5")))
    assert (row.state, row.cost_micros) == ("sent", 500_000)
    row = await told(ProviderStatus.FAILED, reason=Reason.UNREACHABLE, provider_code="30")
    assert (row.state, row.reason, row.provider_code) == ("failed", "unreachable", "30")
    assert row.cost_micros is None
    assert (await told(ProviderStatus.DELIVERED)).state == "failed"


async def test_count_by_state(world: World) -> None:
    assert await world.database.read(outbox.count_by_state) == {}
    for text, state in (("a", "queued"), ("b", "dispatching"), ("c", "sent")):
        await world.change((await send(world, text=text)).message_id, state=state)
    assert await world.database.read(outbox.count_by_state) == {"queued": 1, "dispatching": 1}


def test_money() -> None:
    assert to_micros(None) == (None, None)
    assert to_micros(Cost(Decimal("0.0040005"))) == (4000, "USD")
    euros = to_usd(Cost(Decimal("0.004"), "EUR"))
    assert euros is not None
    assert to_micros(Cost(Decimal("0.004"), "EUR")) == (round(euros * 1_000_000), "USD")
    assert to_micros(Cost(Decimal(1), "XXX")) == (None, None)
    for absurd in ("NaN", "Infinity", "-1", "1e30", "1000000"):
        assert to_micros(Cost(Decimal(absurd))) == (None, None)
    assert from_micros(None, None) is None
    assert from_micros(4000, None) == Cost(Decimal("0.004"))
    assert cost_json(Cost(Decimal("0.004"))) == {"amount": "0.0040", "currency": "USD"}
    assert cost_json(None) is None
