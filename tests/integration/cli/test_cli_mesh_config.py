"""`mesh config`: a MeshCentral configuration from a template."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from enum_backend.cli import cli
from enum_backend.testing import running_server
from meshcentral_plugin.cli import mesh
from tests.integration.cli.conftest import Invoke, document

TEMPLATE = """{
  "settings": {"cert": "${MESHCENTRAL_HOST}", "port": ${MESHCENTRAL_PORT:-443}},
  "domains": {"": {"title": "${TITLE}", "newAccounts": false}},
  "sms": {"provider": "plivo", "auth_id": "${PLIVO_ID}", "auth_token": "${PLIVO_TOKEN}",
          "from": "+15551230000"}
}"""
ENV = """MESHCENTRAL_HOST=mesh.example.org
MESHCENTRAL_PORT=8443
TITLE='The "Mesh" of $HOME'
PLIVO_ID=MAFAKEFAKE
PLIVO_TOKEN=fake-plivo-token
"""


@pytest.fixture(autouse=True)
def _command() -> None:
    cli.add_command(mesh)


@pytest.fixture
def files(folder: Path) -> Path:
    (folder / "template.json").write_text(TEMPLATE)
    (folder / "mesh.env").write_text(ENV)
    return folder


def make(invoke: Invoke, *options: str, code: int = 0) -> Any:
    return invoke("mesh", "config", "template.json", "--env", "mesh.env", *options, code=code)


def test_a_configuration_is_printed(files: Path, invoke: Invoke) -> None:
    done = make(invoke)
    made = json.loads(done.stdout)
    assert made["settings"] == {"cert": "mesh.example.org", "port": 8443}
    assert made["domains"][""]["title"] == 'The "Mesh" of $HOME'
    assert made["sms"]["token"] == "fake-plivo-token"
    assert "translated: sms.auth_id: MeshCentral's name is sms.id" in done.stderr
    assert make(invoke).stdout == done.stdout
    assert make(invoke, "--json").exit_code == 0
    assert document(make(invoke, "--json"))["config"] == made


def test_every_missing_variable_at_once(files: Path, invoke: Invoke) -> None:
    (files / "mesh.env").write_text("TITLE=x\n")
    done = make(invoke, "--out", "config.json", code=1)
    for name in ("MESHCENTRAL_HOST", "PLIVO_ID", "PLIVO_TOKEN"):
        assert f"{name}: is not set" in done.stderr
    assert not (files / "config.json").exists()
    assert document(make(invoke, "--json", code=1))["error_code"] == "VALIDATION_FAILED"


def test_variables_of_the_environment(
    files: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TITLE", "from the environment")
    monkeypatch.setenv("PLIVO_ID", "never: the file wins")
    (files / "mesh.env").write_text(re.sub("TITLE=.*\n", "TITLE\n", ENV))
    made = json.loads(make(invoke).stdout)
    assert made["domains"][""]["title"] == "from the environment"
    assert made["sms"]["id"] == "MAFAKEFAKE"
    invoke("mesh", "config", "template.json", code=1)
    invoke("mesh", "config", "template.json", "--env", "none.env", code=1)
    (files / "mesh.env").write_text(f"{ENV}TITLE='open\n")
    assert "env: line 6: expected NAME=value" in make(invoke, code=1).stderr


def test_written_with_mode_600(files: Path, invoke: Invoke) -> None:
    done = make(invoke, "--out", "config.json", "--diff")
    path = files / "config.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["sms"]["id"] == "MAFAKEFAKE"
    assert '+    "token": "********"' in done.stdout
    assert "fake-plivo-token" not in done.output
    assert "nothing changes" in make(invoke, "--out", "config.json", "--diff").stdout
    before = path.read_bytes()
    (files / "mesh.env").write_text(ENV.replace("8443", "9443"))
    answer = document(make(invoke, "--out", "config.json", "--diff", "--check", "--fix", "--json"))
    assert '+    "port": 9443' in answer["diff"]
    assert path.read_bytes() == before
    assert document(make(invoke, "--out", "config.json", "--json"))["written"] == "config.json"
    assert path.read_bytes() != before


def test_check(files: Path, invoke: Invoke) -> None:
    done = make(invoke, "--check", code=1)
    assert "translated: sms.auth_token" in done.stdout
    assert "fake-plivo-token" not in done.output
    assert make(invoke, "--check", "--fix").exit_code == 0
    answer = document(make(invoke, "--check", "--json", code=1))
    assert answer["success"] is False
    assert [item["kind"] for item in answer["findings"]] == ["translated"] * 2
    assert "config" not in answer
    right = TEMPLATE.replace("auth_id", "id").replace("auth_token", "token")
    (files / "template.json").write_text(right)
    assert make(invoke, "--check").stdout == ""
    assert list(files.glob("*.json")) == [files / "template.json"]
    assert not (files / "data").exists()


def test_traps_refuse(files: Path, invoke: Invoke) -> None:
    (files / "mesh.env").write_text(ENV.replace("mesh.example.org", "localhost"))
    done = make(invoke, "--out", "config.json", code=1)
    assert "error [cert-without-dot]: settings.cert: is a name without a dot" in done.stderr
    assert "fix: set settings.cert to the full host name" in done.stderr
    assert not (files / "config.json").exists()
    answer = document(make(invoke, "--check", "--fix", "--diff", "--json", code=1))
    assert answer["findings"][-1]["trap"] == "cert-without-dot"
    assert "settings.cert" in answer["error"]
    make(invoke, "--allow", "cert-without-dot", "--out", "config.json")
    make(invoke, "--allow", "no-such-trap", code=2)


def test_the_template_itself_is_compared_without_out(files: Path, invoke: Invoke) -> None:
    text = make(invoke, "--diff").stdout
    assert '-    "auth_token": "********"' in text
    assert '+    "token": "********"' in text
    assert "fake-plivo-token" not in text


async def test_via_enum_backend(files: Path, invoke: Invoke, config: str) -> None:
    limits = '"newAccounts": false, "limits": {"maxSMSPerHour": 2}'
    (files / "template.json").write_text(TEMPLATE.replace('"newAccounts": false', limits))
    assert "--via enum-backend" in make(invoke, code=1).stderr
    flags = ("--via", "enum-backend", "--config", config, "--server", "site-a")
    async with running_server(settings={"data_dir": str(files / "data")}) as server:

        def generate(*more: str) -> str:
            done = make(invoke, *flags, "--shim-base", f"{server.http_url}/", *more)
            return str(json.loads(done.stdout)["sms"]["url"])

        url = await asyncio.to_thread(generate)
        assert url == await asyncio.to_thread(generate)
        assert url != await asyncio.to_thread(generate, "--server", "site-b")
        assert url.startswith(f"{server.http_url}/meshcentral/sms/")
        statuses = []
        async with aiohttp.ClientSession() as session:
            for number in ("201", "202", "203"):
                call = url.replace("{{phone}}", f"%2B14155550{number}").replace("{{message}}", "x")
                async with session.get(call) as response:
                    statuses.append(response.status)
        assert statuses == [200, 200, 429]


def test_the_shims_address(files: Path, invoke: Invoke, config: str) -> None:
    with Path(config).open("r+") as file:
        text = file.read()
        file.seek(0)
        file.write(f"public_base_url = 'https://sms.example.org'\n{text}")
    flags = ("--via", "enum-backend", "--config", config)
    url = json.loads(make(invoke, *flags).stdout)["sms"]["url"]
    assert re.fullmatch(
        r"https://sms\.example\.org/meshcentral/sms/[^/?]{20,}\?phone={{phone}}&message={{message}}",
        url,
    )
    make(invoke, *flags, "--out", "config.json")
    again = make(invoke, *flags, "--out", "config.json", "--check", "--fix", "--diff")
    assert "nothing changes" in again.stdout
    assert "shim-base" in make(invoke, *flags, "--shim-base", "sms.example.org", code=1).stderr
