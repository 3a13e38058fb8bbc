"""Whatever happens to the chain, the node and us: in step, a mirror equals a fresh reading."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path

import lmdb
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from nvs.consent import Consent
from nvs.errors import NvsUnavailable
from nvs.mirror import Mirror
from nvs.mirror.layout import height_of, unpack_block
from nvs.names import digits_of_nvs_name
from nvs.record_index import RecordIndex
from nvs.testing import FakeChain
from tests.unit.nvs.mirror_kit import (
    ALSO,
    Crash,
    DirectClient,
    Fuse,
    chain_entries,
    dump,
    fresh_dump,
    fuse_disk,
    plain,
)

NUMBERS = ("1415", "14155", "14155551234", "9990")
NAMES = [
    *("enum:1415:0", "enum:1415:1", "enum:1415:2", "enum:1415:32767", "enum:14155:0"),
    *("enum:5.1.4.1.e164.arpa", "enum:14155551234:0", "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"),
    *("ver:enum", "srl:enum-01", "enum:tollfree"),
]
HOSTILE_NAMES = [
    *(b"enum:\xff\xfe", b"enum:" + b"1" * 507, b"ver:" + b"v" * 508, b"", b"enum:1415:00"),
    *(b"enum:14a5:0", b"enum:1415:0\n", b"x\nenum:1415:0", b"enum:1415:32768", b"ver:\xe4"),
]
VALUES = [
    *(b"E2U+sip=100|10|!^.*$!sip:a@b.example!", b'{"voice":"sip:a@b","sms":"telnyx:+14155"}'),
    *(b'{"voice":"sip:a@b","sms":"telnyx:+1999999"}', b'{"sms":"telnyx"}', b"\xff\xfe\x00"),
    *(b"[" * 10_000, b"\xc3\xa4" * 10_240, rb"E2U+sip=1|1|!^\+((([0-9]*)*)*)*x$!sip:a@b!"),
]
DISK = "/dev/shm" if Path("/dev/shm").is_dir() else None

ALL_NAMES = [*NAMES, *HOSTILE_NAMES]

names = st.one_of(st.integers(0, len(NAMES) - 1), st.integers(len(NAMES), len(ALL_NAMES) - 1))
values = st.integers(0, len(VALUES) - 1)
owners = st.integers(0, 2)
payers = st.integers(0, 3)


def _disk_full() -> lmdb.Error:
    return lmdb.Error("mdb_txn_commit: No space left on device")


class MirrorMachine(RuleBasedStateMachine):
    """A chain with a random history, and a mirror that lives through it."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = Path(tempfile.mkdtemp(dir=DISK))
        self.chain = FakeChain(height=40)
        self.owners = [self.chain.new_address() for _ in range(3)]
        self.payers = [*self.owners, self.chain.stranger()]
        self.signers = self.owners[:1]
        self.fuse = Fuse()
        self.fresh = 0
        self.generation = 0
        self.in_step = False
        self.mirror = self.opened()

    def opened(self) -> Mirror:
        client = DirectClient(self.chain, self.fuse)
        mirror = Mirror(self.directory / "m", client, also=ALSO, signers=self.signers)
        self.loop.run_until_complete(mirror.open())
        fuse_disk(mirror, self.fuse)
        assert mirror._worker is not None
        mirror._worker._chunk = mirror._worker._most = 4
        mirror._worker._list_limit = 5
        return mirror

    def reopen(self) -> None:
        self.loop.run_until_complete(self.mirror.close())
        self.mirror = self.opened()

    @initialize(history=st.lists(st.tuples(names, values, owners), max_size=12))
    def past(self, history: list[tuple[int, int, int]]) -> None:
        for name, value, owner in history:
            self.chain.name_new(ALL_NAMES[name], VALUES[value], 1, address=self.owners[owner])
        self.chain.mine()

    # The chain -------------------------------------------------------------------------

    @rule(name=names, value=values, owner=owners, days=st.integers(1, 3), payer=payers)
    def new(self, name: int, value: int, owner: int, days: int, payer: int) -> None:
        self.chain.name_new(
            ALL_NAMES[name],
            VALUES[value],
            days,
            address=self.owners[owner],
            paid_by=self.payers[payer],
        )

    @rule(name=names, value=values, owner=owners, payer=payers, forged=st.booleans())
    def update(self, name: int, value: int, owner: int, payer: int, forged: bool) -> None:
        self.chain.name_update(
            ALL_NAMES[name],
            VALUES[value],
            int(forged),
            address=self.owners[owner],
            forged=forged,
            paid_by=self.payers[payer],
        )

    @rule(name=names, forged=st.booleans())
    def delete(self, name: int, forged: bool) -> None:
        self.chain.name_delete(ALL_NAMES[name], forged=forged)

    @rule(blocks=st.sampled_from((1, 1, 1, 2, 5, 174, 175, 176)))
    def mine(self, blocks: int) -> None:
        self.chain.mine(blocks)
        self.in_step = False

    @rule(
        depth=st.one_of(st.integers(1, 4), st.integers(1, 30)),
        more=st.integers(-3, 3),
        keep=st.booleans(),
        name=names,
        value=values,
        owner=owners,
    )
    def reorg(self, depth: int, more: int, keep: bool, name: int, value: int, owner: int) -> None:
        depth = min(depth, self.chain.height - 3)
        self.chain.reorg(
            depth,
            max(depth + more, 0),
            keep=keep,
            change=lambda chain: chain.name_new(
                ALL_NAMES[name], VALUES[value], 2, address=self.owners[owner]
            ),
        )
        self.in_step = False

    @rule(depth=st.integers(1, 30))
    def disconnect_and_come_back(self, depth: int) -> None:
        self.chain.invalidate(min(depth, self.chain.height - 3))
        self.sync()
        self.chain.reconsider()
        self.in_step = False

    # The mirror ------------------------------------------------------------------------

    @rule()
    def sync(self) -> None:
        self.loop.run_until_complete(self.mirror.sync())
        self.in_step = True

    @rule(after=st.integers(0, 40), depth=st.integers(0, 8), name=names, value=values)
    def sync_while_the_tip_moves(self, after: int, depth: int, name: int, value: int) -> None:
        def move() -> None:
            self.chain.name_new(ALL_NAMES[name], VALUES[value], 1, address=self.owners[0])
            if depth:
                self.chain.reorg(min(depth, self.chain.height - 3), keep=True)
            else:
                self.chain.mine()

        self.chain.before_call("*", move, after=after)
        self.sync()
        self.chain._hooks = type(self.chain._hooks)()
        self.sync()

    @rule(first=st.booleans(), last=st.booleans())
    def list_others(self, first: bool, last: bool) -> None:
        """Reopened with other addresses, of whose names the signers matter."""
        self.signers = self.owners[:1] * first + self.owners[2:] * last
        self.in_step = False
        self.reopen()

    @rule(steps=st.integers(0, 60))
    def crash(self, steps: int) -> None:
        self.fuse.light(steps)
        with contextlib.suppress(Crash):
            self.loop.run_until_complete(self.mirror.sync())
        self.fuse.left = None
        self.in_step = False
        self.reopen()

    @rule(steps=st.integers(0, 60), disk=st.booleans())
    def failure(self, steps: int, disk: bool) -> None:
        self.fuse.light(steps, _disk_full if disk else lambda: NvsUnavailable("the node is away"))
        with contextlib.suppress(NvsUnavailable, lmdb.Error):
            self.loop.run_until_complete(self.mirror.sync())
        self.fuse.left = None
        self.in_step = False

    # What has to hold ------------------------------------------------------------------

    @invariant()
    def generation_never_falls(self) -> None:
        generation = self.mirror.reader().generation
        assert generation >= self.generation
        self.generation = generation

    @precondition(lambda self: self.in_step)
    @invariant()
    def equals_a_fresh_reading(self) -> None:
        self.in_step = False  # once is enough
        self.fresh += 1
        fresh = fresh_dump(self.chain, self.directory / f"fresh{self.fresh}", self.signers)
        assert dump(self.mirror) == self.loop.run_until_complete(fresh)
        self.loop.run_until_complete(self.answers_as_the_chain())
        for key, block in dump(self.mirror, ("blocks",))["blocks"]:
            assert unpack_block(block)[0] == self.chain.block_hash(height_of(key))

    async def answers_as_the_chain(self) -> None:
        reader = self.mirror.reader()
        entries = {entry.name: entry for entry in chain_entries(self.chain)}
        index = RecordIndex(e for name, e in entries.items() if digits_of_nvs_name(name))
        for digits in NUMBERS:
            reading = await reader.read(digits)
            assert reading.height == self.chain.height
            assert [plain(e) for e in reading.entries] == [plain(e) for e in index.read(digits)]
            for entry in reading.entries:
                looked_at = entry.address in self.signers
                assert (entry.consent in (Consent.SIGNED, Consent.UNSIGNED)) is looked_at
                assert (entry.consent is Consent.NOT_ASKED) is not looked_at
            for end in range(1, len(digits)):
                assert reader.has_longer(digits[:end]) == index.has_longer(digits[:end])
        for name in NAMES:
            assert plain(await reader.entry(name)) == plain(entries.get(name))
        for owner in self.owners:
            wanted = {n for n in NAMES if n in entries and entries[n].address == owner}
            assert {e.name for e in reader.names_of_owner(owner)} == wanted

    def teardown(self) -> None:
        try:
            self.sync()
            self.equals_a_fresh_reading()
            assert self.loop.run_until_complete(self.found_differences()) == []
        finally:
            self.loop.run_until_complete(self.mirror.close())
            self.loop.close()
            shutil.rmtree(self.directory)

    async def found_differences(self) -> list[object]:
        return [difference async for difference in self.mirror.verify()]


TestMirror = MirrorMachine.TestCase
TestMirror.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
