"""Reading a mirror, in the writer's process and in others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nvs.directory import Directory
from nvs.errors import NvsUnavailable
from nvs.mirror import Mirror, MirrorReader
from nvs.number_record import TrustLevel
from nvs.testing import FakeChain
from tests.unit.nvs.mirror_kit import ALSO, DirectClient

SMS = '{"voice":"sip:a@b.example","sms":"telnyx:+14155550000"}'


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chain() -> FakeChain:
    chain = FakeChain(height=20)
    for name in ("enum:14155551234:0", "enum:14155551234:2", "enum:141555512:0"):
        chain.name_new(name, SMS, 2)
    chain.name_new("enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa", SMS, 2)
    chain.name_new("ver:enum", SMS, 2)
    chain.mine()
    return chain


@pytest.fixture
async def mirror(chain: FakeChain, tmp_path: Path, clock: Clock) -> AsyncIterator[Mirror]:
    async with Mirror(tmp_path / "m", DirectClient(chain), also=ALSO, clock=clock) as mirror:
        yield mirror


async def test_before_and_after_the_first_sync(mirror: Mirror, chain: FakeChain) -> None:
    reader = mirror.reader()
    for asked in (reader.read("1415"), reader.entry("ver:enum")):
        with pytest.raises(NvsUnavailable, match="first sync is not complete"):
            await asked
    for ask in (reader.names_of_sms, reader.names_of_owner, reader.past, reader.has_longer):
        with pytest.raises(NvsUnavailable, match="first sync is not complete"):
            ask("1415")
    status = reader.status()
    assert (reader.generation, status.ok, status.facts["height"]) == (1, False, None)
    assert (
        status.detail
        == "the first sync is not complete; the mirror has not been in step with the node yet"
    )
    assert mirror._worker is not None
    await mirror._worker.step()
    await mirror._worker.step()
    assert reader.generation == 1
    assert reader.status().facts["syncing"] == "0 of 0 names, still listing"
    await mirror.sync()
    status = reader.status()
    assert (status.ok, status.detail, status.source) == (True, "", "mirror")
    assert dict(status.facts) == {
        "height": 21,
        "tip": chain.best_hash(),
        "age": 0,
        "names": 5,
        "numbers": 2,
        "skipped_names": 0,
        "generation": 2,
        "syncing": None,
    }


async def test_reading(mirror: Mirror, chain: FakeChain) -> None:
    await mirror.sync()
    reader = mirror.reader()
    reading = await reader.read("14155551234")
    assert [entry.name for entry in reading.entries] == [
        "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa",
        "enum:14155551234:0",
    ]
    assert (reading.digits, reading.source, reading.height) == ("14155551234", "mirror", 21)
    assert (reading.source_trust, reading.stale_seconds) == (TrustLevel.UNTRUSTED, 0.0)
    assert reading.entries[1].expires_in == 350
    assert reader.knows_prefixes
    assert [reader.has_longer(d) for d in ("1", "141555512", "14155551234", "2")] == [
        *(True, True, False, False)
    ]
    record = await Directory(reader).record("+14155551234")
    assert record is not None
    assert record.sms is not None
    await reader.close()
    assert (await reader.read("1415")).entries == ()


async def test_an_e164_name_that_expired_hides_nothing(mirror: Mirror, chain: FakeChain) -> None:
    chain.name_update("enum:14155551234:0", SMS, 30)
    chain.mine(2 * 175 + 1)
    await mirror.sync()
    reading = await mirror.reader().read("14155551234")
    assert [entry.name for entry in reading.entries] == ["enum:14155551234:0"]


async def test_reverse(mirror: Mirror, chain: FakeChain) -> None:
    await mirror.sync()
    reader = mirror.reader()
    names = [entry.name for entry in reader.names_of_sms("14155550000")]
    assert names == [
        *("enum:141555512:0", "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa", "enum:14155551234:0")
    ], "not the one behind a gap, not the verifier"
    assert reader.names_of_sms("1") == ()
    owner = chain.find("ver:enum").address
    assert [entry.name for entry in reader.names_of_owner(owner)] == ["ver:enum"]
    assert reader.names_of_owner("somebody") == ()
    chain.name_update("enum:141555512:0", "E2U+sip=1|1|!^.*$!sip:a@b!", address=owner)
    chain.name_delete("enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa")
    chain.mine()
    await mirror.sync()
    assert [e.name for e in reader.names_of_sms("14155550000")] == ["enum:14155551234:0"]
    assert {e.name for e in reader.names_of_owner(owner)} == {"ver:enum", "enum:141555512:0"}
    chain.mine(351)
    await mirror.sync()
    assert reader.names_of_owner(owner) == ()


async def test_kinds(mirror: Mirror) -> None:
    await mirror.sync()
    reader = mirror.reader()
    entry = await reader.entry("ver:enum")
    assert entry is not None
    assert (entry.value, entry.registered_at) == (SMS.encode(), 21)
    assert await reader.entry("enum:tollfree") is None
    assert await reader.entry("enum:1415:7") is None
    for name in ("dns:example.coin", "ver:\xe4", "enum:x"):
        with pytest.raises(NvsUnavailable, match="does not keep"):
            await reader.entry(name)


async def test_age(mirror: Mirror, clock: Clock) -> None:
    await mirror.sync()
    reader = mirror.reader()
    clock.now += 60
    assert (await reader.read("14155551234")).stale_seconds == 0.0
    clock.now += 1
    assert (await reader.read("14155551234")).stale_seconds == 61.0
    status = reader.status()
    assert (status.ok, status.facts["age"]) == (False, 61)
    assert status.detail == "the mirror has not been in step with the node for 61 s"
    clock.now -= 200  # a clock that was set back makes nothing fresh
    assert (await reader.read("14155551234")).stale_seconds == 139.0
    await mirror.sync()
    assert reader.status().ok


async def test_never_in_step(mirror: Mirror, tmp_path: Path) -> None:
    await mirror.sync()
    (tmp_path / "m" / "followed").unlink()
    mirror._store._followed = None
    assert (await mirror.reader().read("14155551234")).stale_seconds == 60.0


async def test_catching_up_shows(mirror: Mirror, chain: FakeChain, monkeypatch) -> None:
    await mirror.sync()
    monkeypatch.setattr("nvs.mirror.work.MAX_TOUCHED", 0)
    chain.name_update("ver:enum", "x")
    chain.mine()
    assert mirror._worker is not None
    await mirror._worker.step()
    assert mirror.reader().status().facts["syncing"] == "0 of 1 names"


# Another process --------------------------------------------------------------------------

READ = """
import asyncio, sys
from nvs.mirror import MirrorReader
async def main():
    reader = MirrorReader(sys.argv[1])
    for line in sys.stdin:
        reading = await reader.read("14155551234")
        print(reader.generation, reading.height, len(reading.entries), flush=True)
    await reader.close()
asyncio.run(main())
"""


async def test_another_process_sees_each_commit(chain: FakeChain, tmp_path: Path) -> None:
    small = 1 << 20  # so that the map grows under the reader
    mirror = Mirror(tmp_path / "m", DirectClient(chain), map_size=small)
    await mirror.sync()
    process = subprocess.Popen(  # noqa: ASYNC220  (it answers at once)
        [sys.executable, "-c", READ, str(tmp_path / "m")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ask() -> list[int]:
        process.stdin.write("\n")
        process.stdin.flush()
        return [int(word) for word in process.stdout.readline().split()]

    try:
        assert ask() == [2, 21, 2]
        for number in range(120):
            chain.name_new(f"enum:1500{number}:0", b"x" * 20_000)
        chain.mine()
        await mirror.sync()
        assert (tmp_path / "m" / "data.mdb").stat().st_size > small
        generation, height, count = ask()
        assert (height, count) == (22, 2)
        assert generation == mirror.reader().generation
    finally:
        process.communicate(timeout=20)
        await mirror.close()


async def test_a_reader_on_its_own(chain: FakeChain, tmp_path: Path) -> None:
    reader = MirrorReader(tmp_path / "m")
    assert reader.generation == 1
    assert not reader.status().ok
    with pytest.raises(NvsUnavailable, match="no mirror to read"):
        await reader.read("1415")
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
    assert (await reader.read("14155551234")).entries
    await reader.close()
    await reader.close()


async def test_a_reader_goes_on_through_a_writer(chain: FakeChain, tmp_path: Path) -> None:
    """As in a process that follows the chain for a while, and before and after only reads."""
    path = tmp_path / "passed-on"
    reader = MirrorReader(path)
    for _ in range(2):
        writer = Mirror(path, DirectClient(chain), also=ALSO)
        writer.serve(reader)
        with pytest.raises(NvsUnavailable, match="not open"):
            await reader.read("14155551234")
        await writer.open()
        await writer.sync()
        assert len((await reader.read("14155551234")).entries) == 2
        await reader.close()  # of another's files: nothing
        assert len((await reader.read("14155551234")).entries) == 2
        await writer.close()
        reader.detach()
        assert len((await reader.read("14155551234")).entries) == 2
    await reader.close()
