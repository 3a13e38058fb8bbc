"""Commands inside this process, in a folder and an environment of their own."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from enum_backend.cli import cli
from tests.serving import OURS

Invoke = Callable[..., Result]

RECORDS = {
    "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa": {
        "voice": "sip:alice@pbx.example",
        "sms": {
            "provider": "telnyx",
            "number": "+14155551234",
            "forward_to": "alice@example.com",
        },
    },
    "enum:14155550101:0": "E2U+sip=100|10|!^(.*)$!sip:bob@pbx.example!\nTTL=600",
    "enum:14155550102:0": '{"voice": 7, "sms_provider": "telnyx", "sms_number": "+14155550104",'
    ' "sms_webhook": "https://hook.example/x"}',
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: no `.env`, no settings, and no variables of ours."""
    for name in list(os.environ):
        if OURS.match(name):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def config(folder: Path) -> str:
    """A settings file with the records above."""
    (folder / "records.json").write_text(json.dumps(RECORDS))
    path = folder / "settings.toml"
    path.write_text(f"data_dir = '{folder / 'data'}'\n[nvs]\nfile = '{folder / 'records.json'}'\n")
    return str(path)


@pytest.fixture
def invoke() -> Invoke:
    """Run a command; checks its exit code."""

    def run(*arguments: str, code: int = 0) -> Result:
        root = logging.getLogger()
        before = (root.handlers[:], root.level)
        try:
            result = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
        finally:
            structlog.reset_defaults()
            root.handlers[:] = before[0]
            root.setLevel(before[1])
        assert result.exit_code == code, result.output
        return result

    return run


def document(result: Result) -> Any:
    """The JSON on standard output."""
    return json.loads(result.stdout)
