"""Opt-outs per tenant, sender and recipient."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, func, select

from enum_backend.errors import InvalidPhoneFormat, OptedOut
from enum_backend.messaging.policy import optouts
from enum_backend.messaging.policy.optouts import EVERY, Source
from enum_backend.messaging.route import Route
from enum_backend.messaging.senders import picked_by
from enum_backend.storage import Database
from enum_backend.storage.tables import opt_outs
from tests.unit.policy.policy_kit import ANN, BOB, NOW, OTHER, OURS, route


async def shut(
    database: Database, tenant: str = "default", sender: str = OURS, recipient: str = ANN
) -> bool:
    return await database.write(
        lambda c: optouts.record(c, tenant, sender, recipient, Source.KEYWORD, NOW)
    )


async def blocked(database: Database, *wanted: optouts.Wanted) -> set[int]:
    return await database.read(lambda c: optouts.blocked(c, wanted))


async def screened(database: Database, made: Route, tenant: str = "default") -> Route | OptedOut:
    (result,) = await database.read(lambda c: optouts.screen(c, [(tenant, made)]))
    return result


async def test_an_opt_out_is_of_one_tenant_sender_and_recipient(database: Database) -> None:
    assert await shut(database) is True
    assert await shut(database) is False
    assert await blocked(
        database,
        ("default", OURS, ANN),
        ("acme", OURS, ANN),
        ("default", OTHER, ANN),
        ("default", OURS, BOB),
        ("default", None, ANN),
        ("acme", None, ANN),
    ) == {0, 4}


async def test_stars_stand_for_all(database: Database) -> None:
    await shut(database, sender=EVERY)
    await shut(database, tenant=EVERY, recipient=BOB)
    assert await blocked(
        database,
        ("default", OTHER, ANN),
        ("acme", OTHER, ANN),
        ("default", OURS, BOB),
        ("acme", OURS, BOB),
        ("acme", OTHER, BOB),
    ) == {0, 2, 3}


async def test_nothing_asked_and_nothing_there(database: Database) -> None:
    assert await blocked(database) == set()
    assert await blocked(database, ("default", OURS, ANN)) == set()
    assert await database.read(lambda c: optouts.screen(c, [])) == []


async def test_one_statement_for_a_batch(database: Database) -> None:
    await shut(database)
    wanted = [("default", OURS, f"+1415555{index:04}") for index in range(256)]
    wanted.append(("default", OURS, ANN))
    statements: list[str] = []

    def work(connection: Any) -> set[int]:
        def count(*told: Any) -> None:
            statements.extend(item for item in told[2:3] if item.startswith("SELECT"))

        event.listen(connection, "before_cursor_execute", count)
        try:
            return optouts.blocked(connection, wanted)
        finally:
            event.remove(connection, "before_cursor_execute", count)

    found = await database.read(work)
    assert found == {134, 256}
    assert len(statements) == 1


async def test_the_number_that_would_send_refuses(database: Database) -> None:
    await shut(database)
    refused = await screened(database, route())
    assert isinstance(refused, OptedOut)
    assert (refused.error_code, refused.status) == ("OPTED_OUT", 403)
    assert await screened(database, route(), "acme") == route()
    assert await screened(database, route(destination=BOB)) == route(destination=BOB)


async def test_each_route_of_a_batch_is_judged_by_itself(database: Database) -> None:
    await shut(database)
    batch = [("default", route(destination=BOB)), ("default", route()), ("acme", route())]
    found = await database.read(lambda c: optouts.screen(c, batch))
    assert [isinstance(item, OptedOut) for item in found] == [False, True, False]


async def test_a_gateway_that_only_follows_is_left_out(database: Database) -> None:
    await shut(database, sender=OTHER)
    left = await screened(database, route())
    assert isinstance(left, Route)
    assert left.chain == left.planned == ("one",)
    simulated = await screened(database, route(chain=("one", "two"), planned=("one", "two")))
    assert isinstance(simulated, Route)


async def test_a_simulation_plans_as_live(database: Database) -> None:
    simulated = route(chain=("simulator",), planned=("one", "two"))
    assert await screened(database, simulated) == simulated
    await shut(database, sender=OTHER)
    left = await screened(database, simulated)
    assert isinstance(left, Route)
    assert (left.chain, left.planned) == (("simulator",), ("one",))
    await shut(database)
    assert isinstance(await screened(database, simulated), OptedOut)


async def test_gateways_that_take_turns_count_as_one(database: Database) -> None:
    await shut(database, sender=OTHER)
    assert isinstance(await screened(database, route(decisive=frozenset({"one", "two"}))), OptedOut)


async def test_whatever_the_provider_picks(database: Database) -> None:
    pool = route(senders={"one": (picked_by("one"), OURS, OTHER), "two": (OTHER,)})
    assert await screened(database, pool) == pool
    await shut(database)
    assert isinstance(await screened(database, pool), OptedOut)
    await shut(database, sender=picked_by("one"), recipient=BOB)
    bob = route(destination=BOB, senders=pool.senders)
    assert isinstance(await screened(database, bob), OptedOut)


async def test_a_sender_nobody_knows(database: Database) -> None:
    unknown = route(chain=("simulator",), planned=("simulator",), senders={"simulator": ()})
    assert await screened(database, unknown) == unknown
    await shut(database, sender=OTHER)
    assert isinstance(await screened(database, unknown), OptedOut)


async def reopened(database: Database, tenant: str = "default", sender: str = OURS) -> bool:
    return await database.write(lambda c: optouts.reopen(c, tenant, sender, ANN, "one"))


async def left(database: Database) -> int:
    query = select(func.count()).select_from(opt_outs)
    return await database.read(lambda c: c.execute(query).scalar_one())


async def test_start_opens_what_stop_closed(database: Database) -> None:
    assert await reopened(database) is False
    await shut(database)
    await shut(database, sender=OTHER)
    await shut(database, tenant="acme")
    assert await reopened(database) is True
    assert await reopened(database) is False
    assert await blocked(database, ("default", OURS, ANN), ("default", OTHER, ANN)) == {1}
    assert await blocked(database, ("acme", OURS, ANN)) == {0}


async def test_start_opens_what_the_provider_refused_and_what_nobody_owned(
    database: Database,
) -> None:
    await shut(database, sender=picked_by("one"))
    await shut(database, tenant=EVERY)
    assert await reopened(database) is True
    assert await left(database) == 0


async def test_start_to_a_number_without_owner_leaves_tenants_alone(database: Database) -> None:
    await shut(database)
    await shut(database, tenant=EVERY)
    assert await reopened(database, EVERY) is True
    assert await blocked(database, ("default", OURS, ANN), ("acme", OURS, ANN)) == {0}


async def test_an_entry_for_all_senders_stays(database: Database) -> None:
    await shut(database, sender=EVERY)
    await shut(database)
    assert await reopened(database) is False
    assert await blocked(database, ("default", OURS, ANN)) == {0}


async def test_remove_and_list(database: Database) -> None:
    for recipient in (ANN, BOB):
        for sender in (OURS, EVERY):
            await shut(database, sender=sender, recipient=recipient)
    await shut(database, tenant="acme")

    def page(**which: Any) -> Any:
        return database.read(lambda c: optouts.page(c, "default", **which))

    everything = await page()
    assert [(e.recipient, e.sender) for e in everything] == [
        (ANN, OURS),
        (ANN, EVERY),
        (BOB, OURS),
        (BOB, EVERY),
    ]
    assert everything[0].source is Source.KEYWORD
    assert everything[0].created_at == NOW
    assert await page(limit=1, after=everything[1].id) == [everything[2]]
    assert await page(recipient=BOB) == everything[2:]
    removed = await database.write(lambda c: optouts.remove(c, "default", OURS, BOB))
    again = await database.write(lambda c: optouts.remove(c, "default", OURS, BOB))
    assert (removed, again) == (True, False)
    assert await page(recipient=BOB) == everything[3:]


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("*", "*"),
        (" (415) 555-0134 ", ANN),
        ("Shop", "Shop"),
        ("gateway:one", "gateway:one"),
    ],
)
def test_senders_as_people_write_them(typed: str, word: str) -> None:
    assert optouts.sender_word(typed, "US") == word


def test_what_is_no_sender() -> None:
    with pytest.raises(InvalidPhoneFormat) as refused:
        optouts.sender_word("12", "US")
    assert refused.value.errors[0].field == "sender"
