"""The files: one writer, growth, and a disk that fails."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import lmdb
import pytest

from nvs.errors import NvsUnavailable
from nvs.mirror import Mirror, MirrorBusy, MirrorUnusable, MirrorWriteFailed
from nvs.mirror.store import Store
from nvs.testing import FakeChain
from tests.unit.nvs.mirror_kit import DirectClient, Fuse, fuse_disk, kept, tables


@pytest.fixture
def chain() -> FakeChain:
    chain = FakeChain(height=20)
    chain.name_new("enum:1415:0", "x")
    chain.mine()
    return chain


async def test_a_second_writer_is_refused(chain: FakeChain, tmp_path: Path) -> None:
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
        other = Mirror(tmp_path / "m", DirectClient(chain))
        with pytest.raises(MirrorBusy, match="another process is following"):
            await other.open()
        script = "import sys; from nvs.mirror.store import Store; Store(sys.argv[1]).open_writer()"
        process = subprocess.run(  # noqa: ASYNC221  (it ends at once)
            [sys.executable, "-c", script, str(tmp_path / "m")],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert "MirrorBusy" in process.stderr
    await other.open()
    await other.close()


@pytest.mark.parametrize("make", [lambda path: path.write_text("x"), lambda path: None])
def test_paths_that_cannot_be_used(tmp_path: Path, make) -> None:
    make(tmp_path / "m")
    path = tmp_path / "m" if (tmp_path / "m").exists() else tmp_path / "x" / ("y" * 300)
    with pytest.raises(MirrorUnusable, match="cannot be opened"):
        Store(path).open_writer()


def test_files_that_are_no_mirror(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"x" * 9000)
    with pytest.raises(MirrorUnusable, match="cannot be opened"):
        Store(tmp_path).open_writer()
    with pytest.raises(NvsUnavailable, match="no mirror to read"):
        Store(tmp_path).open_reader()
    store = Store(tmp_path)
    with pytest.raises(NvsUnavailable, match="not open"), store.read():
        pass
    with pytest.raises(MirrorWriteFailed, match="not open"):
        store.write(lambda _: None)
    (tmp_path / "data.mdb").unlink()
    store.open_writer()
    store.close()


async def test_the_map_grows(chain: FakeChain, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "m", DirectClient(chain), map_size=1 << 18)
    await mirror.sync()
    for number in range(100):
        chain.name_new(f"enum:1500{number}:0", b"x" * 20_000)
    chain.mine()
    await mirror.sync()
    assert len(kept(mirror)) == 101
    await mirror.close()
    mirror = Mirror(tmp_path / "m", DirectClient(chain), map_size=1 << 18)
    await mirror.sync()
    assert len(kept(mirror)) == 101
    await mirror.close()


async def test_a_full_disk(chain: FakeChain, tmp_path: Path) -> None:
    """A real write error: the kernel refuses to let the file grow."""
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
        for number in range(100):
            chain.name_new(f"enum:1500{number}:0", b"x" * 20_000)
        chain.mine()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, before[1]))
        try:
            with pytest.raises(MirrorWriteFailed, match="cannot be written"):
                await mirror.sync()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert (await mirror.reader().read("1415")).height == 21
        await mirror.sync()
        assert (await mirror.reader().read("1415")).height == 22
        assert len(kept(mirror)) == 101


async def test_status_of_a_failing_disk(chain, tmp_path: Path, monkeypatch) -> None:
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
        chain.mine()
        fuse = Fuse()
        fuse_disk(mirror, fuse)
        fuse.light(0, lambda: lmdb.DiskError("No space left on device"))
        with pytest.raises(MirrorWriteFailed) as failed:
            await mirror.sync()
        mirror._note_failure(failed.value)
        mirror._note_failure(failed.value)
        assert "No space left" in mirror.reader().status().detail
        await mirror.sync()
        assert mirror.reader().status().ok

        def refuse(*_: object) -> None:
            raise OSError(30, "Read-only file system")

        monkeypatch.setattr("nvs.mirror.store.os.utime", refuse)
        with pytest.raises(MirrorWriteFailed, match="Read-only file system"):
            await mirror.sync()


async def test_errors_while_reading(chain: FakeChain, tmp_path: Path) -> None:
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()

        def fail() -> None:
            raise lmdb.CorruptedError("page")

        with pytest.raises(NvsUnavailable, match="cannot be read"), tables(mirror):
            fail()
        store = mirror._store
        real, store._env = store._env, _Broken()
        with pytest.raises(NvsUnavailable, match="cannot be read"):
            await mirror.reader().read("1415")
        store._env = real
        assert (await mirror.reader().read("1415")).entries


class _Broken:
    def begin(self) -> None:
        raise lmdb.ReadersFullError("126")


async def test_one_reader_follows_a_map_that_grew(chain: FakeChain, tmp_path: Path) -> None:
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
        store = mirror._store
        real, store._env = store._env, _Resized(store._env)
        assert (await mirror.reader().read("1415")).entries
        assert store._env.resized
        store._env = real


class _Resized:
    def __init__(self, real: lmdb.Environment) -> None:
        self.resized = False
        self._real = real

    def begin(self) -> lmdb.Transaction:
        if not self.resized:
            raise lmdb.MapResizedError("mdb_txn_begin")
        return self._real.begin()

    def set_mapsize(self, size: int) -> None:
        assert size == 0
        self.resized = True


async def test_opening_fails_and_leaves_nothing_open(chain, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("nvs.mirror.mirror.adopt_kinds", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await Mirror(tmp_path / "m", DirectClient(chain)).open()
    monkeypatch.undo()
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
