"""An opt-out ends what waits to be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Connection, event, select

from enum_backend.messaging.policy.optouts import EVERY, Source
from enum_backend.messaging.policy.stopping import stop, stop_refused
from enum_backend.messaging.route import Route
from enum_backend.messaging.senders import picked_by
from enum_backend.storage import Database
from enum_backend.storage.tables import opt_outs
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


async def refused(database: Database, *message_ids: str) -> None:
    await database.write(lambda c: stop_refused(c, message_ids, NOW + 1))


async def test_what_providers_refuse(database: Database) -> None:
    first = await put(database)
    second = await put(database, gateway="two", tenant="acme", route=route(destination=BOB))
    third = await put(database, route=route(chain=("old",), senders={}))
    await refused(database)
    for _ in range(2):
        await refused(database, first, second, third, "msg_nobody")
    found = await database.read(lambda c: c.execute(select(opt_outs)).all())
    assert {(r.tenant, r.sender, r.recipient, r.source) for r in found} == {
        ("default", OURS, ANN, "refused"),
        ("acme", OTHER, BOB, "refused"),
        ("default", picked_by("old"), ANN, "refused"),
    }


async def test_a_refusal_ends_what_waits_as_a_stop_does(database: Database) -> None:
    ann = await put(database, state="failed")
    bob = await put(database, state="failed", gateway="two", route=route(destination=BOB))
    ends = [
        await put(database),
        await put(database, state="scheduled"),
        await put(database, gateway="two", route=route(destination=BOB)),
    ]
    goes_on = [
        await put(database, route=route(chain=("two",))),
        await put(database, tenant="acme"),
        await put(database, route=route(destination=BOB)),
        await put(database, kind="reply"),
    ]
    await refused(database, ann, bob)
    found = [await row(database, item) for item in ends]
    assert [(item.state, item.reason) for item in found] == [("failed", "opted_out")] * 3
    assert [(await row(database, item)).state for item in goes_on] == ["queued"] * 4
    assert json.loads((await row(database, goes_on[2])).chain) == ["one"]


async def test_many_refusals_are_a_few_statements(database: Database) -> None:
    numbers = [f"+1415555{index:04}" for index in range(20)]
    ids = [await put(database, route=route(destination=number)) for number in numbers]
    statements: list[str] = []

    def work(connection: Connection) -> None:
        def count(*told: Any) -> None:
            statements.append(told[2])

        event.listen(connection, "before_cursor_execute", count)
        try:
            stop_refused(connection, ids, NOW + 1)
        finally:
            event.remove(connection, "before_cursor_execute", count)

    await database.write(work)
    assert len(statements) < 10
    assert {(await row(database, item)).state for item in ids} == {"failed"}
