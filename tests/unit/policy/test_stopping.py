"""An opt-out ends what waits to be sent."""

from __future__ import annotations

import json

import pytest

from enum_backend.messaging.policy.optouts import EVERY, Source
from enum_backend.messaging.policy.stopping import stop
from enum_backend.messaging.route import Route
from enum_backend.messaging.senders import picked_by
from enum_backend.storage import Database
from tests.unit.policy.policy_kit import ANN, BOB, NOW, OTHER, OURS, put, route, row


async def stopped(
    database: Database,
    sender: str = OURS,
    tenant: str = "default",
    gateway: str | None = None,
) -> bool:
    return await database.write(
        lambda c: stop(c, tenant, sender, ANN, Source.KEYWORD, NOW + 1, gateway=gateway)
    )


@pytest.mark.parametrize("state", ["queued", "scheduled"])
async def test_what_waits_is_ended(database: Database, state: str) -> None:
    message_id = await put(database, state=state)
    assert await stopped(database) is True
    found = await row(database, message_id)
    assert (found.state, found.reason) == ("failed", "opted_out")
    assert found.next_attempt_at is None
    assert await stopped(database) is False


@pytest.mark.parametrize("state", ["dispatching", "sent", "delivered", "unknown", "canceled"])
async def test_what_has_left_is_not_touched(database: Database, state: str) -> None:
    message_id = await put(database, state=state)
    await stopped(database)
    assert (await row(database, message_id)).state == state


async def test_other_peoples_messages_go_on(database: Database) -> None:
    others = [
        await put(database, route=route(destination=BOB)),
        await put(database, tenant="acme"),
        await put(database, route=route(chain=("two",))),
        await put(database, kind="reply"),
        await put(database, is_test=True),
    ]
    await stopped(database)
    assert [(await row(database, item)).state for item in others] == ["queued"] * 5


async def test_a_code_ends_too_and_its_text_is_erased(database: Database) -> None:
    message_id = await put(database, kind="code", erase_body=True)
    await stopped(database)
    found = await row(database, message_id)
    assert (found.state, found.body) == ("failed", None)


async def test_all_senders_and_all_tenants(database: Database) -> None:
    mine = [await put(database), await put(database, route=route(chain=("two",)))]
    acme = await put(database, tenant="acme")
    await stopped(database, EVERY)
    assert [(await row(database, item)).state for item in mine] == ["failed"] * 2
    assert (await row(database, acme)).state == "queued"
    await stopped(database, OURS, EVERY)
    assert (await row(database, acme)).state == "failed"


async def test_gateways_that_would_only_follow_are_left_out(database: Database) -> None:
    chain = ("one", "two", "three")
    three: Route = route(chain=chain, senders={"one": (OURS,), "two": (OTHER,), "three": (OURS,)})
    message_id = await put(database, route=three, gateway="two", chain_position=1)
    await stopped(database)
    found = await row(database, message_id)
    assert found.state == "queued"
    assert json.loads(found.chain) == ["one", "two"]
    untouched = await put(database, route=route(chain=("two",)))
    await stopped(database)
    assert json.loads((await row(database, untouched)).chain) == ["two"]


async def test_a_number_of_a_gateway_that_picks_its_own(database: Database) -> None:
    pool = route(senders={"one": (picked_by("one"), OURS, OTHER), "two": ("+15550100009",)})
    message_id = await put(database, route=pool)
    await stopped(database)
    assert (await row(database, message_id)).state == "queued"
    await stopped(database, OTHER, gateway="one")
    assert (await row(database, message_id)).state == "failed"
