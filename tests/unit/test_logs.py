"""Our own lines and the libraries' look alike; a stream that is gone stops nobody."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from enum_backend.logs import TOGETHER_SECONDS, configure_logging


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    structlog.reset_defaults()
    root.handlers[:], level = before
    root.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class FullDisk(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


def test_one_object_a_line_whoever_writes_it() -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    structlog.get_logger("enum_backend.thing").info("made", of={1}, by="us\n")
    logging.getLogger("library").warning("heard %s", "it")
    ours, theirs = (json.loads(line) for line in stream.getvalue().splitlines())
    assert ours == {
        "event": "made",
        "of": "{1}",
        "by": "us\n",
        "level": "info",
        "logger": "enum_backend.thing",
        "timestamp": ours["timestamp"],
    }
    assert theirs == {
        "event": "heard it",
        "level": "warning",
        "logger": "library",
        "timestamp": theirs["timestamp"],
    }


def test_what_is_below_the_level_is_left_out() -> None:
    stream = io.StringIO()
    configure_logging("WARNING", stream)
    structlog.get_logger("enum_backend.thing").info("made")
    assert stream.getvalue() == ""


def test_a_traceback_stands_in_its_line() -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    try:
        int("x")
    except ValueError:
        structlog.get_logger("enum_backend.thing").exception("failed")
    line = json.loads(stream.getvalue())
    assert line["level"] == "error"
    assert "ValueError" in line["exception"]


def test_a_terminal_gets_lines_to_read() -> None:
    stream = Terminal()
    configure_logging("INFO", stream)
    structlog.get_logger("enum_backend.thing").info("made", by="us")
    assert "made" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_a_full_disk_and_a_closed_stream_stop_nobody() -> None:
    full, closed = FullDisk(), io.StringIO()
    for stream in (closed, full):
        configure_logging("INFO", stream)
        closed.close()
        structlog.get_logger("enum_backend.thing").error("made")


async def test_lines_inside_a_loop_are_written_together() -> None:
    stream = io.StringIO()
    write_waiting = configure_logging("INFO", stream)
    log = structlog.get_logger("enum_backend.thing")
    log.info("first")
    log.info("second")
    assert stream.getvalue() == ""
    await asyncio.sleep(TOGETHER_SECONDS * 3)
    assert events(stream) == ["first", "second"]
    log.info("third")
    write_waiting()
    assert events(stream) == ["first", "second", "third"]


async def test_a_warning_is_written_at_once_with_what_came_before() -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    log = structlog.get_logger("enum_backend.thing")
    log.info("before")
    log.warning("now")
    assert events(stream) == ["before", "now"]


def test_what_waited_when_its_loop_ended_is_written_with_the_next() -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    log = structlog.get_logger("enum_backend.thing")

    async def work() -> None:
        log.info("made")

    asyncio.run(work())
    asyncio.run(work())
    log.info("after")
    assert events(stream) == ["made", "made", "after"]


def events(stream: io.StringIO) -> list[str]:
    return [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


def test_what_still_waits_at_the_end_of_the_process_is_written() -> None:
    program = (
        "import asyncio, structlog\n"
        "from enum_backend.logs import configure_logging\n"
        "async def work():\n"
        "    structlog.get_logger('enum_backend.thing').info('the last word')\n"
        "configure_logging('INFO')\n"
        "asyncio.run(work())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert events(io.StringIO(ended.stderr)) == ["the last word"]
