"""Which SIM card sends: in turn, within its day, never a message that another phone may have."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from enum_backend.clock import now_ms
from enum_backend.gateways import (
    AndroidGateway,
    GatewayError,
    ProviderStatus,
    Reason,
    StatusResult,
)
from enum_backend.gateways.android_ledger import DAY_MS, MemorySimLedger, SimLedger
from enum_backend.gateways.android_ledger_stored import DatabaseSimLedger
from enum_backend.gateways.android_sims import Sim, SimRota
from enum_backend.storage import Database
from enum_backend.storage.tables import sim_sends
from tests.unit.gateways.android_kit import (
    ACCEPTED,
    DUPLICATE,
    FROM,
    LOGIN,
    failure,
    message,
    two,
)
from tests.unit.gateways.gateway_cases import OTHER_SENDER, sms
from tests.unit.gateways.wire_server import Answer, WireServer, closed_port

DAY = DAY_MS / 1000
START = 1_795_233_600_000


@pytest.fixture(params=["memory", "database"])
def ledger(request: pytest.FixtureRequest, database: Database) -> SimLedger:
    return MemorySimLedger() if request.param == "memory" else DatabaseSimLedger(database)


@pytest.fixture
async def gateway(wire: WireServer) -> Any:
    gateway = AndroidGateway("office", **LOGIN, base_url=wire.url, timeout=5)
    yield gateway
    await gateway.close()


async def counted(gateway: AndroidGateway) -> list[int]:
    """Messages that are counted on each card of a gateway."""
    cards = [sim.card for sim in gateway.rota.sims]
    seen: list[int] = []

    def look(sent: Any) -> str:
        seen.extend(len(sent[card]) for card in cards)
        raise LookupError

    with pytest.raises(LookupError):
        await gateway.rota.ledger.reserve("look", cards, now_ms(), look)
    return seen


class Clock:
    """Milliseconds that only a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


def rota(sims: list[Sim], ledger: SimLedger, clock: Clock, interval: float = 0) -> SimRota:
    made = SimRota(sims, interval, clock)
    made.ledger = ledger
    return made


# SIM cards.


async def test_sims_take_turns(wire: WireServer) -> None:
    wire.answers = [ACCEPTED]
    phones = [
        {"device_id": "a", "sims": [1, {"slot": 2}]},
        {"device_id": "b"},
    ]
    gateway = AndroidGateway(**LOGIN, base_url=wire.url, phones=phones)
    for n in range(4):
        await gateway.send(sms(message_id=f"msg_{n}"))
    await gateway.close()
    used = [(r.json()["deviceId"], r.json().get("simNumber")) for r in wire.requests]
    assert used == [("a", 1), ("a", 2), ("b", None), ("a", 1)]


async def test_daily_limit_of_each_sim(wire: WireServer) -> None:
    wire.answers = [ACCEPTED]
    phones = [
        {"device_id": "a", "sims": [{"slot": 1, "daily_limit": 2}, {"slot": 2}], "daily_limit": 1}
    ]
    gateway = AndroidGateway(**LOGIN, base_url=wire.url, phones=phones)
    for n in range(3):
        await gateway.send(sms(message_id=f"msg_{n}"))
    error = await failure(gateway.send(sms(message_id="msg_3")))
    await gateway.close()
    assert [r.json()["simNumber"] for r in wire.requests] == [1, 2, 1]
    assert (error.reason, error.ambiguous) == (Reason.RATE_LIMITED, False)
    assert error.retry_after == pytest.approx(DAY, abs=5)


async def test_default_limit_is_100(wire: WireServer, gateway: AndroidGateway) -> None:
    (sim,) = gateway.rota.sims
    assert sim.daily_limit == 100
    assert sim.slot is None


async def test_rota_by_the_clock(ledger: SimLedger) -> None:
    clock = Clock()
    sims = [Sim("a", 0, 1, "", 2), Sim("b", 0, 2, FROM, 9)]
    taken = rota(sims, ledger, clock, interval=10)
    assert (await taken.take("1")).sim is sims[0]
    assert (await taken.take("2")).sim is sims[1]
    error = await failure(taken.take("3"))
    assert (error.reason, error.retry_after) == (Reason.RATE_LIMITED, 10)
    clock.sleep(10)
    assert (await taken.take("3")).sim is sims[0]
    assert (await taken.take("4", FROM)).sim is sims[1]
    clock.sleep(10)
    assert (await taken.take("5")).sim is sims[1]  # the first has sent its two
    clock.sleep(DAY - 20)
    assert (await taken.take("6")).sim is sims[0]  # 24 hours after its first
    assert (await failure(taken.take("7", "+15550100099"))).reason is Reason.INVALID_SENDER


async def test_who_has_a_message(ledger: SimLedger) -> None:
    clock = Clock()
    sims = [Sim("a", 0, None, "", 9), Sim("b", 1, None, "", 9)]
    taken = rota(sims, ledger, clock)
    assert await taken.holder("1") is None
    first = await taken.take("1")
    assert await taken.holder("1") == first.sim.phone == 0
    clock.sleep(1)
    again = await taken.take("1", not_phones={0})
    assert await taken.holder("1") == again.sim.phone == 1
    await taken.give_back(again)
    assert await taken.holder("1") == 0
    assert await rota(sims[1:], ledger, clock).holder("1") is None  # its phone is gone
    clock.sleep(DAY)
    await taken.take("2")
    assert await taken.holder("1") is None


async def test_a_clock_that_is_set_back_stops_nobody_for_longer(ledger: SimLedger) -> None:
    clock = Clock()
    taken = rota([Sim("a", 0, None, "", 9)], ledger, clock, interval=10)
    await taken.take("1")
    clock.sleep(-DAY / 2)
    assert (await failure(taken.take("2"))).retry_after == 10


@given(
    limit=st.integers(1, 5),
    interval=st.integers(0, 20_000),
    sent=st.lists(st.integers(0, 2 * DAY_MS), max_size=8),
    now=st.integers(DAY_MS, 3 * DAY_MS),
)
def test_after_the_wait_there_is_room(limit: int, interval: int, sent: list[int], now: int) -> None:
    sim = Sim("a", 0, None, "", limit)
    times = sorted(at for at in sent if now - DAY_MS < at <= now)
    wait = sim.wait(times, now, interval)
    assert wait <= max(DAY, interval)
    later = now + round(wait * 1000)
    left = [at for at in times if at > later - DAY_MS]
    assert sim.wait(left, later, interval) == 0
    assert len(left) < limit


# The ledger of a server.


async def test_a_restart_forgets_nothing(wire: WireServer, database: Database) -> None:
    wire.answers = [ACCEPTED]
    phones = [{"device_id": "a", "daily_limit": 2}, {"device_id": "b", "number": FROM}]

    def started() -> AndroidGateway:
        made = AndroidGateway(**LOGIN, base_url=wire.url, phones=phones, daily_limit=1)
        made.rota.ledger = DatabaseSimLedger(database)
        return made

    for n in range(3):
        gateway = started()
        await gateway.send(sms(message_id=f"msg_{n}"))
        await gateway.close()
    assert [r.json()["deviceId"] for r in wire.requests] == ["a", "a", "b"]
    gateway = started()
    assert (await failure(gateway.send(sms(message_id="msg_3")))).reason is Reason.RATE_LIMITED
    wire.answers = [Answer.json(message("Sent"))]
    assert await gateway.find("msg_0") == StatusResult(ProviderStatus.SENT)
    await gateway.close()


async def test_a_message_that_a_phone_may_have_stays_there_over_a_restart(
    wire: WireServer, second_wire: WireServer, database: Database
) -> None:
    wire.answers = [Answer(action="hang up"), DUPLICATE]
    second_wire.answers = [ACCEPTED]
    for reason in (Reason.UNKNOWN, Reason.DUPLICATE):
        gateway = two(wire, second_wire)
        gateway.rota.ledger = DatabaseSimLedger(database)
        assert (await failure(gateway.send(sms()))).reason is reason
        await gateway.close()
    assert second_wire.requests == []


async def test_two_processes_share_a_day(database: Database) -> None:
    clock, cards = Clock(), [Sim("a", 0, None, "", 5), Sim("b", 0, 2, "", 5)]
    both = [rota(cards, DatabaseSimLedger(database), clock) for _ in range(2)]
    turns = await asyncio.gather(
        *(both[n % 2].take(str(n)) for n in range(12)), return_exceptions=True
    )
    refused = [turn for turn in turns if isinstance(turn, GatewayError)]
    assert [error.reason for error in refused] == [Reason.RATE_LIMITED] * 2
    places = [turn.reservation for turn in turns if not isinstance(turn, BaseException)]
    assert len(set(places)) == 10


async def test_old_messages_are_forgotten(database: Database) -> None:
    clock = Clock()
    taken = rota([Sim("a", 0, None, "", 9)], DatabaseSimLedger(database), clock)
    for n in range(3):
        await taken.take(str(n))
        clock.sleep(DAY)
    count = select(func.count()).select_from(sim_sends)
    assert await database.read(lambda connection: connection.scalar(count)) == 1


async def test_without_the_database_nothing_is_sent(wire: WireServer, database: Database) -> None:
    wire.answers = [Answer(400)]
    gateway = AndroidGateway(**LOGIN, base_url=wire.url)
    gateway.rota.ledger = DatabaseSimLedger(database)
    turn = await gateway.rota.take("msg_1")
    await database.close()
    await gateway.rota.give_back(turn)  # the card is one message poorer
    for work in (gateway.send(sms()), gateway.find("msg_1"), gateway.rota.take("msg_2")):
        error = await failure(work)
        assert (error.reason, error.ambiguous) == (Reason.TEMPORARY_UNAVAILABLE, False)
    assert wire.requests == []
    await gateway.close()


def test_a_card_keeps_its_name() -> None:
    def cards(**options: Any) -> list[str]:
        return [sim.card for sim in AndroidGateway(**LOGIN, **options).rota.sims]

    phones = [{"device_id": "a", "sims": [1, 2]}, {"number": FROM}, {"device_id": "b"}]
    named = cards(phones=phones)
    assert len(set(named)) == 4
    assert cards(phones=phones[::-1]) == [named[3], named[2], *named[:2]]
    assert named[2] == FROM
    assert cards(sender=OTHER_SENDER) == [OTHER_SENDER]
    assert all(len(card) <= 64 and "canary" not in card for card in named)


# A gateway's cards.


async def test_refused_messages_do_not_count(wire: WireServer) -> None:
    gateway = AndroidGateway(**LOGIN, base_url=wire.url, daily_limit=1, timeout=5)
    wire.answers = [
        Answer(400),
        Answer(429),
        Answer(action="hang up"),
    ]
    for reason in (Reason.INVALID_REQUEST, Reason.RATE_LIMITED, Reason.UNKNOWN):
        assert (await failure(gateway.send(sms()))).reason is reason
    error = await failure(gateway.send(sms(message_id="msg_2")))
    await gateway.close()
    assert (error.reason, len(wire.requests)) == (Reason.RATE_LIMITED, 3)
    assert error.detail == "every SIM has sent enough for now"


async def test_sender_that_no_sim_has(wire: WireServer) -> None:
    gateway = AndroidGateway(**LOGIN, base_url=wire.url, sender=FROM, numbers=(OTHER_SENDER,))
    assert gateway.owns(FROM)
    assert gateway.owns(OTHER_SENDER)
    error = await failure(gateway.send(sms(sender=OTHER_SENDER)))
    await gateway.close()
    assert (error.reason, wire.requests) == (Reason.INVALID_SENDER, [])


# Several phones.


async def test_phone_out_of_reach_is_passed_over(wire: WireServer) -> None:
    wire.answers = [ACCEPTED]
    gateway = two(wire, f"http://127.0.0.1:{closed_port()}", daily_limit=5)
    for n in range(4):
        await gateway.send(sms(message_id=f"msg_{n}"))
    await gateway.close()
    assert len(wire.requests) == 4
    assert await counted(gateway) == [4, 0]


async def test_phone_that_does_not_fetch_is_passed_over(
    wire: WireServer, second_wire: WireServer
) -> None:
    wire.answers = [Answer.json({"error": "QueueLimitExceeded"}, 503)]
    second_wire.answers = [ACCEPTED]
    gateway = two(wire, second_wire)
    assert (await gateway.send(sms())).provider_message_id == "msg_1"
    await gateway.close()


async def test_no_phone_in_reach() -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    gateway = AndroidGateway(**LOGIN, phones=[{"url": url}, {"url": url, "device_id": "b"}])
    error = await failure(gateway.send(sms()))
    await gateway.close()
    assert (error.reason, error.ambiguous) == (Reason.TEMPORARY_UNAVAILABLE, False)
    assert await counted(gateway) == [0, 0]


@pytest.mark.parametrize("answer", [Answer(action="hang up"), Answer(500), DUPLICATE])
async def test_message_that_a_phone_may_have_stays_there(
    wire: WireServer, second_wire: WireServer, answer: Answer
) -> None:
    wire.answers = [answer, DUPLICATE]
    second_wire.answers = [ACCEPTED]
    gateway = two(wire, second_wire)
    assert await failure(gateway.send(sms()))
    assert (await failure(gateway.send(sms()))).reason is Reason.DUPLICATE
    wire.answers = [Answer.json(message("Sent"))]
    assert await gateway.find("msg_1") == StatusResult(ProviderStatus.SENT)
    await gateway.send(sms(message_id="msg_2"))
    await gateway.close()
    assert len(second_wire.requests) == 1
    assert second_wire.requests[0].json()["id"] == "msg_2"


async def test_message_that_a_phone_may_have_waits_for_it(wire: WireServer) -> None:
    gateway = two(wire, f"http://127.0.0.1:{closed_port()}", sender="+15550100002")
    await gateway.rota.take("msg_1", phone=1)
    error = await failure(gateway.send(sms()))
    assert (error.reason, wire.requests) == (Reason.TEMPORARY_UNAVAILABLE, [])
    assert await gateway.rota.holder("msg_1") == 1
    assert await counted(gateway) == [0, 1]
    await gateway.close()


async def test_refused_message_may_go_to_the_other_phone(
    wire: WireServer, second_wire: WireServer
) -> None:
    wire.answers = [Answer(400)]
    second_wire.answers = [ACCEPTED]
    gateway = two(wire, second_wire)
    assert await failure(gateway.send(sms()))
    assert await gateway.send(sms())
    await gateway.close()
