"""Several processes on one data directory: one follows the chain, the others read."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from enum_backend.errors import SettingsError
from enum_backend.settings import Settings, load_settings
from enum_backend.setup.following import ChainDuty, mirror_topic
from nvs.errors import NvsUnavailable
from nvs.testing import FakeChain, FakeChainNode

NAME, DIGITS = "enum:14155550134:0", "14155550134"


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def node(chain: FakeChain) -> Iterator[FakeChainNode]:
    with FakeChainNode(chain) as running:
        yield running


def settings(node: FakeChainNode, data_dir: Path, **more: Any) -> Settings:
    flags: dict[tuple[str, ...], Any] = {
        ("data_dir",): str(data_dir),
        ("nvs", "source"): "mirror",
        ("nvs", "rpc", "url"): node.url,
        ("nvs", "rpc", "poll"): 0.02,
        **{tuple(key.split("__")): value for key, value in more.items()},
    }
    return load_settings(environment={}, flags=flags).settings


async def entries(duty: ChainDuty, count: int) -> None:
    """Wait until the number has so many entries."""
    async with asyncio.timeout(10):
        while True:
            try:
                if len((await duty.reader.read(DIGITS)).entries) == count:
                    return
            except NvsUnavailable:
                pass
            await asyncio.sleep(0.01)


async def test_a_reader_that_becomes_the_writer_and_a_reader_again(
    chain: FakeChain, node: FakeChainNode, tmp_path: Path
) -> None:
    duty = ChainDuty(settings(node, tmp_path))
    assert not duty.reader.status().ok
    (tmp_path / "mirror").mkdir()
    with (tmp_path / "mirror" / "writer.lock").open("w") as held, capture_logs() as logs:
        fcntl.flock(held, fcntl.LOCK_EX)  # the process that leads until now
        assert not await duty.take()
        assert not await duty.take()
    assert [item["event"] for item in logs] == ["the chain is not followed here"]
    assert await duty.take()
    chain.name_new(NAME, "E2U+sip=1|1|!^.*$!sip:a@pbx.example!")
    chain.mine()
    await entries(duty, 1)
    async with asyncio.timeout(30):
        while not duty.reader.status().ok:  # in step is told after the names
            await asyncio.sleep(0.01)
    await duty.leave()
    await duty.leave()
    chain.name_new("enum:14155550134:1", "E2U+sip=1|1|!^.*$!sip:b@pbx.example!")
    chain.mine()
    await entries(duty, 1)
    assert duty.reader.status().ok
    assert await duty.take()
    await entries(duty, 2)
    await duty.close()


async def test_a_mirror_that_cannot_be_opened(node: FakeChainNode, tmp_path: Path) -> None:
    (tmp_path / "mirror").write_text("in the way")
    duty = ChainDuty(settings(node, tmp_path))
    assert not await duty.take()
    (tmp_path / "mirror").unlink()
    assert await duty.take()
    await duty.close()


async def test_whatever_happens_the_reader_reads(
    node: FakeChainNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duty = ChainDuty(settings(node, tmp_path))
    assert await duty.take()
    await entries(duty, 0)
    await duty.leave()
    with monkeypatch.context() as patched:
        patched.setattr("nvs.mirror.Mirror.start", _broken)
        with pytest.raises(ZeroDivisionError):
            await duty.take()
    await entries(duty, 0)
    await duty.close()


async def _broken(_self: object) -> None:
    raise ZeroDivisionError


async def test_settings_that_cannot_be_used(node: FakeChainNode, tmp_path: Path) -> None:
    wrong = settings(node, tmp_path, nvs__rpc__url="nonsense")
    with pytest.raises(SettingsError, match=r"nvs\.rpc\.url"):
        ChainDuty(wrong)
    unused = ChainDuty(settings(node, tmp_path))
    await unused.close()


def test_each_directory_has_a_mirror_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    assert mirror_topic(one) == mirror_topic(one) != mirror_topic(two)
    real = Path.exists

    def late(path: Path) -> bool:
        return path.name != "mirror.id" and real(path)

    monkeypatch.setattr(Path, "exists", late)
    assert mirror_topic(one) == mirror_topic(one), "another process was quicker"
    monkeypatch.undo()
    assert [path.name for path in one.iterdir()] == ["mirror.id"]
    with pytest.raises(SettingsError, match=r"mirror\.id: cannot be used"):
        mirror_topic(tmp_path / "none")
