"""Two agents never see each other's messages: random leases, messages, repeats and waits."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enum_backend.agents.model import Caller, Lease, WaitFor
from enum_backend.errors import LeaseEnded, PoolExhausted, WaitTimeout
from enum_backend.storage import Database, open_database
from enum_backend.tenants.store import TenantStore
from tests.unit.agents.agent_world import DAY, AgentWorld, Clock

KEYS, PASSPORTS, NUMBERS = 2, 2, 2
STEPS_MS = (0, 1, 400, 999, 1000, 61_000, DAY - 1, DAY, 30 * 3_600_000)

WHO = st.tuples(st.integers(0, KEYS - 1), st.integers(0, PASSPORTS - 1))
OPERATIONS = st.one_of(
    st.tuples(st.just("pass"), st.sampled_from(STEPS_MS)),
    st.tuples(st.just("lease"), WHO, st.sampled_from((1, 60, 86_400))),
    st.tuples(st.just("renew"), WHO),
    st.tuples(st.just("release"), WHO),
    st.tuples(
        st.just("message"),
        st.integers(0, NUMBERS - 1),
        st.sampled_from((None, 0, -1, -400, -2000, -60_000, -DAY, 1, 3_600_000)),
    ),
    st.tuples(st.just("again"), st.integers(0, 20), st.booleans()),
    st.tuples(st.just("read"), WHO),
    st.tuples(st.just("wait"), WHO, st.booleans()),
    st.tuples(st.just("hand_over"), WHO, WHO),
)


@dataclass
class Sent:
    """A message as the model knows it."""

    text: str
    number: str
    arrived: int
    sent_at: int | None
    key: str


@dataclass
class Model:
    """What has happened, and what each passport has seen."""

    sent: list[Sent] = field(default_factory=list)
    leases: dict[tuple[int, int], Lease] = field(default_factory=dict)
    seen: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    consumed: set[tuple[str, str]] = field(default_factory=set)

    def visible(self, lease: Lease) -> list[str]:
        def since(sent_at: int) -> int:
            """Whole seconds are all that many providers tell."""
            return lease.started_at - (0 if sent_at % 1000 else lease.started_at % 1000)

        return [
            sent.text
            for sent in self.sent
            if sent.number == lease.number
            and lease.started_at <= sent.arrived < lease.expires_at
            and (sent.sent_at is None or since(sent.sent_at) <= sent.sent_at <= lease.expires_at)
        ]


class Run:
    """One example."""

    def __init__(self, database: Database, clock: Clock, cool_down: int, numbers: int) -> None:
        run = uuid.uuid4().int
        self.tenant = f"t{run % 10**12}"
        self.numbers = [f"+155{run % 10**9:09d}{n}" for n in range(numbers)]
        self.callers = [Caller(f"key_{run % 10**12}_{n}", self.tenant) for n in range(KEYS)]
        self.clock = clock
        self.world = AgentWorld(database, cool_down=cool_down)
        self.model = Model()

    async def run(self, operations: list[tuple[object, ...]]) -> None:
        await TenantStore(self.world.database).create(self.tenant)
        await self.world.agents.desk.seed(dict.fromkeys(self.numbers, self.tenant))
        for name, *arguments in operations:
            await getattr(self, f"do_{name}")(*arguments)
            self.check()
        for who in list(self.model.leases):
            await self.do_read(who)
        self.check()

    def check(self) -> None:
        for text, who in self.model.seen.items():
            assert len(who) == 1, f"{text} was seen by {who}"
        live = [lease for lease in self.model.leases.values() if lease.live_at(self.clock.now)]
        assert len({lease.number for lease in live}) == len(live)

    def own(self, who: tuple[int, int]) -> Lease | None:
        return self.model.leases.get(who)

    async def do_pass(self, milliseconds: int) -> None:
        self.clock.pass_(milliseconds)

    async def do_lease(self, who: tuple[int, int], ttl: int) -> None:
        with contextlib.suppress(PoolExhausted):
            lease, _ = await self.world.agents.lease(self.callers[who[0]], f"p{who[1]}", ttl)
            self.model.leases[who] = lease

    async def do_renew(self, who: tuple[int, int]) -> None:
        if lease := self.own(who):
            try:
                renewed = await self.world.agents.renew(self.callers[who[0]], lease.lease_id, 60)
            except LeaseEnded:
                assert not lease.live_at(self.clock.now)
            else:
                self.model.leases[who] = renewed

    async def do_release(self, who: tuple[int, int]) -> None:
        if lease := self.own(who):
            caller = self.callers[who[0]]
            self.model.leases[who] = await self.world.agents.release(caller, lease.lease_id)

    async def do_message(self, number: int, offset: int | None) -> None:
        sent_at = None if offset is None else self.clock.now + offset
        text = f"message {len(self.model.sent)}"
        key = f"{self.tenant}-{len(self.model.sent)}"
        sent = Sent(text, self.numbers[number % len(self.numbers)], self.clock.now, sent_at, key)
        await self.hand_in(sent, sent.key)
        self.model.sent.append(sent)

    async def do_again(self, which: int, new_id: bool) -> None:
        """The provider repeats a message, under its id or under another one."""
        if which < len(self.model.sent):
            sent = self.model.sent[which]
            late = self.clock.now - sent.arrived > 47 * 3_600_000
            if not (new_id and late):  # what is remembered of contents goes back two days
                await self.hand_in(sent, f"{sent.key}-{uuid.uuid4()}" if new_id else sent.key)

    async def hand_in(self, sent: Sent, key: str) -> None:
        await self.world.arrive(
            sent.number,
            sent.text,
            key=key,
            content_key=sent.key,
            sent_at=sent.sent_at,
            tenant=self.tenant,
        )

    async def do_read(self, who: tuple[int, int]) -> None:
        if (lease := self.own(who)) is None:
            return
        try:
            texts = await self.world.texts(self.callers[who[0]], lease.lease_id, limit=100)
        except LeaseEnded:
            assert not lease.live_at(self.clock.now)
            return
        assert lease.live_at(self.clock.now)
        assert texts == self.model.visible(lease)
        self.saw(who, texts)

    async def do_hand_over(self, who: tuple[int, int], other: tuple[int, int]) -> None:
        """A message comes, is read, and the number changes hands: in one millisecond."""
        lease = self.own(who)
        if lease is not None and lease.number in self.numbers:
            await self.do_message(self.numbers.index(lease.number), None)
            await self.do_read(who)
            await self.do_release(who)
            await self.do_lease(other, 60)
            await self.do_read(other)

    async def do_wait(self, who: tuple[int, int], consume: bool) -> None:
        if (lease := self.own(who)) is None:
            return
        wanted = WaitFor(timeout_ms=0, consume=consume)
        visible = self.model.visible(lease)
        left = [t for t in visible if (lease.lease_id, t) not in self.model.consumed]
        expected = left if consume else visible
        try:
            found = await self.world.agents.wait(self.callers[who[0]], lease.lease_id, wanted)
        except LeaseEnded:
            assert not lease.live_at(self.clock.now)
        except WaitTimeout:
            assert not expected
        else:
            text = found.message.body
            assert text == expected[0]
            self.saw(who, [text])
            if consume:
                self.model.consumed.add((lease.lease_id, text))

    def saw(self, who: tuple[int, int], texts: list[str | None]) -> None:
        for text in texts:
            self.model.seen.setdefault(str(text), set()).add(who)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.timeout(600)
def test_agents_are_apart(
    database_url: str, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever happens in whatever order, also where numbers change hands without a rest."""
    clock = Clock(monkeypatch)
    database = open_database(database_url)

    @settings(max_examples=40)
    @given(
        st.lists(OPERATIONS, min_size=5, max_size=40),
        st.sampled_from((0, DAY // 1000)),
        st.integers(1, NUMBERS),
    )
    def examples(operations: list[tuple[object, ...]], cool_down: int, numbers: int) -> None:
        runner.run(Run(database, clock, cool_down, numbers).run(operations))

    try:
        examples()
    finally:
        runner.run(database.close())
