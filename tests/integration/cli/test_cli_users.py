"""`enum-backend users ...`, and the first admin that `serve` offers."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from click.testing import CliRunner

from enum_backend.cli import cli
from tests.serving import PROGRAM, serving

ALICE, ROOT = "alice@example.org", "root@example.org"
NUMBER = "+14155550101"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_text("[accounts]\nhash_memory = 8\nhash_passes = 1\n")

    def call(*words: str, stdin: str = "", code: int = 0) -> Any:
        arguments = ["users", *words, "--config", "settings.toml", "--json"]
        result = CliRunner().invoke(cli, arguments, input=stdin)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if result.stdout else {}

    return call


def test_users(run: Any) -> None:
    made = run("create", " Alice@example.org ", "--admin")
    assert made["email"] == ALICE
    assert made["admin"] is True
    assert len(made["password"]) >= 16
    again = run("create", ALICE, code=1)
    assert again["error_code"] == "VALIDATION_FAILED"
    own = run("create", ROOT, "--password-stdin", stdin="seven green lanterns\n")
    assert "password" not in own
    assert run("create", "x@example.org", "--password-stdin", stdin="12345678\n", code=1)
    assert run("create", "no address", code=1)["error_code"] == "VALIDATION_FAILED"
    assert [user["email"] for user in run("list")["users"]] == [ALICE, ROOT]
    assert [user["email"] for user in run("list", "--search", "root")["users"]] == [ROOT]
    assert run("verify-phone", ALICE, code=1)["error_code"] == "VALIDATION_FAILED"
    assert run("verify-phone", ALICE, "--number", NUMBER)["phone_verified"] is True
    assert run("verify-phone", ROOT, "--number", NUMBER, code=1)["error_code"] == "FORBIDDEN"
    assert run("verify-phone", ROOT, "--number", NUMBER, "--move")["phone"] == NUMBER
    assert run("reset", ALICE, "--two-factor-off")["password"] != made["password"]
    assert "password" not in run("reset", ALICE, "--password-stdin", stdin="eight lanterns\n")
    assert run("reset", "nobody@example.org", code=1)["error_code"] == "NOT_FOUND"
    assert run("update", ROOT, "--admin")["admin"] is True
    assert run("update", ALICE, "--no-admin", "--disable")["disabled_at"]
    assert run("update", ROOT, "--no-admin", code=1)["error_code"] == "FORBIDDEN"
    assert run("delete", ALICE, code=1)["success"] is False
    assert run("delete", ALICE, "--yes")["success"] is True
    assert [user["email"] for user in run("list")["users"]] == [ROOT]


def test_users_as_text(run: Any) -> None:
    run("create", ALICE)
    listed = CliRunner().invoke(cli, ["users", "list", "--config", "settings.toml"]).output
    assert f"{ALICE}  active, user, no phone, no 2FA" in listed
    reset = CliRunner().invoke(cli, ["users", "reset", ALICE, "--config", "settings.toml"])
    assert len(reset.stdout.strip().splitlines()) == 2


async def test_serve_offers_the_first_admin_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        url = await _offered(server)
    assert url is not None
    assert urlsplit(url).path == "/admin/first"
    token = parse_qs(urlsplit(url).query)["token"][0]
    assert token not in (tmp_path / "server.log").read_text("utf-8")
    config = str(tmp_path / "settings.toml")
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "users", "create", ROOT, "--admin", "--config", config, cwd=tmp_path
    )
    assert await process.wait() == 0, sys.argv
    async with serving(tmp_path) as server:
        assert await _offered(server) is None
        async with aiohttp.ClientSession(server.http_url) as http:
            body = {"email": ROOT, "password": "not the password"}
            async with http.post("/api/auth/login", json=body) as response:
                assert response.status == 401


async def _offered(server: Any) -> str | None:
    found: str | None = server.started["first_admin_url"]
    return found
