"""The programs of docs/how-to/library.md run as they stand there."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from enum_backend.gateways import telnyx as telnyx_module
from tests.telnyx_numbers import KEY, fake_telnyx

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "how-to" / "library.md").read_text("utf-8")
SENDING, READING = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def run(program: str) -> None:
    """As `python program.py` would."""
    exec(compile(program, "library.md", "exec"), {"__name__": "__main__"})


async def test_sending(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async with fake_telnyx() as fake:
        monkeypatch.setenv("TELNYX_API_KEY", KEY)
        monkeypatch.setattr(telnyx_module, "MESSAGES_URL", f"{fake.url}/v2/messages")
        await asyncio.to_thread(run, SENDING)
        (sms,) = fake.sent
    assert (sms["from"], sms["to"], sms["text"]) == ("+14155550100", "+14155550134", "Hello")
    assert "40385f64-5717-4562-b3fc-2c963f66afa6" in capsys.readouterr().out


def test_it_is_as_short_as_promised() -> None:
    body = [
        line for line in SENDING.splitlines() if line and not line.startswith(("import", "from"))
    ]
    assert len(body) <= 5


async def test_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    records = {"enum:14155551234:0": {"voice": "sip:alice@pbx.example"}}
    (tmp_path / "records.json").write_text(json.dumps(records))
    await asyncio.to_thread(run, READING)
    shown = "+1 (415) 555-1234 4.3.2.1.5.5.5.5.1.4.1.e164.arpa 1\n"
    assert capsys.readouterr().out == shown
