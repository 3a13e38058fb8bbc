"""Which number of ours a recipient knows."""

from __future__ import annotations

import pytest

from enum_backend.clock import now_ms
from enum_backend.messaging.policy import sticky
from enum_backend.messaging.policy.sticky import REFRESH, Known, StickySenders
from enum_backend.storage import Database
from tests.unit.policy.policy_kit import ANN, BOB, NOW, OTHER, OURS


async def found(database: Database, tenant: str, recipient: str, since: int = 0) -> Known | None:
    return await database.read(lambda c: sticky.find(c, tenant, recipient, since))


async def test_remembered_per_tenant_and_recipient(database: Database) -> None:
    first, second = Known("one", OURS), Known("two", None)
    rows = [("default", ANN, first), ("acme", ANN, second), ("default", BOB, second)]
    await database.write(lambda c: sticky.remember(c, rows, NOW))
    assert await found(database, "default", ANN) == Known("one", OURS, NOW)
    assert await found(database, "acme", ANN) == Known("two", None, NOW)
    assert await found(database, "acme", BOB) is None
    await database.write(lambda c: sticky.remember(c, [], NOW))


async def test_the_last_word_counts(database: Database) -> None:
    rows = [("default", ANN, Known("one", OURS)), ("default", ANN, Known("two", OTHER))]
    for turn, now in ((rows, NOW), (rows[:1], NOW + 5)):
        await database.write(lambda c, t=turn, n=now: sticky.remember(c, t, n))
        assert await found(database, "default", ANN) == Known(
            turn[-1][2].gateway, turn[-1][2].sender, now
        )


async def test_it_lasts_for_the_window(database: Database) -> None:
    await database.write(lambda c: sticky.remember(c, [("default", ANN, Known("one", OURS))], NOW))
    assert await found(database, "default", ANN, NOW) is not None
    assert await found(database, "default", ANN, NOW + 1) is None
    assert await StickySenders(database, 3600).find("default", ANN) is None
    await database.write(
        lambda c: sticky.remember(c, [("default", ANN, Known("one", OURS))], now_ms())
    )
    assert await StickySenders(database, 3600).find("default", ANN) is not None


@pytest.mark.parametrize(
    ("age", "learned", "stands"),
    [
        (0, Known("one", OURS), True),
        (0, Known("one", OTHER), False),
        (0, Known("two", OURS), False),
        (3_600_000 // REFRESH + 1000, Known("one", OURS), False),
    ],
)
async def test_what_is_stored_stands_for_a_while(
    database: Database, age: int, learned: Known, stands: bool
) -> None:
    known = Known("one", OURS, now_ms() - age)
    assert StickySenders(database, 3600).stands(known, learned) is stands
