"""`config show`, `db upgrade`, and what every command does with wrong settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import pytest

import enum_backend.cli as command_line
from enum_backend import __version__
from enum_backend.errors import SettingsError
from enum_backend.extensions import load_extensions
from tests.integration.cli.conftest import Invoke, document

SECRETS = """
server_key = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="  # scan-secrets: allow
[nvs.rpc]
url = "http://user:canarypass@127.0.0.1:6662"
[gateways.telnyx]
api_key = "KEYcanary"
from = "+14155550100"
[gateways.office]
provider = "url"
url = "https://sms.example/?token=canarytoken&to={{phone}}&text={{message}}"
[smtp]
password = "canarymail"
"""


def test_secrets_are_masked(invoke: Invoke, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "settings.toml"
    path.write_text(SECRETS)
    monkeypatch.setenv("REDIS_URL", "redis://:canaryredis@127.0.0.1/0")
    monkeypatch.setenv("ENUM_BACKEND_HTTP__PORT", "9090")
    text = invoke("config", "show", "--config", str(path)).output
    assert "c2VjcmV0" not in text
    for canary in ("canarypass", "KEYcanary", "canarytoken", "canaryredis"):
        assert canary not in text
    shown = document(invoke("config", "show", "--config", str(path), "--json"))
    assert shown["mode"] == {"value": "live", "from": "derived from the gateways"}
    assert shown["http.port"] == {"value": 9090, "from": "ENUM_BACKEND_HTTP__PORT"}
    assert shown["gateways.telnyx.api_key"] == {"value": "********", "from": str(path)}
    assert shown["gateways.telnyx.from"]["value"] == "+14155550100"
    assert shown["dns.port"] == {"value": 5300, "from": "default"}
    assert "127.0.0.1:6662" in shown["nvs.rpc.url"]["value"]


def test_mode_as_set(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMS_SIMULATION_MODE", "true")
    shown = document(invoke("config", "show", "--json"))
    assert shown["mode"] == {"value": "simulation", "from": "SMS_SIMULATION_MODE"}
    assert "data_dir" in invoke("config", "show").stdout


@pytest.mark.parametrize(
    "command",
    [
        ("config", "show"),
        ("db", "upgrade"),
        ("keys", "list"),
        ("lookup", "14155551234"),
        ("explain", "14155551234"),
        ("lint", "14155551234"),
        ("send", "14155551234", "x"),
        ("serve",),
    ],
)
def test_wrong_settings(invoke: Invoke, folder: Path, command: Sequence[str]) -> None:
    path = folder / "settings.toml"
    path.write_text("[http]\nprot = 1\n")
    result = invoke(*command, "--config", str(path), code=1)
    assert result.stdout == ""
    expected = f'enum-backend: {path}: unknown setting http.prot, did you mean "port"?\n'
    assert result.stderr == expected
    answer = document(invoke(*command, "--json", "--config", str(path), code=1))
    assert answer["error_code"] == "SETTINGS_INVALID"
    missing = invoke(*command, "--config", str(folder / "none.toml"), code=1)
    assert "cannot be read" in missing.stderr


def test_upgrade(invoke: Invoke, config: str) -> None:
    assert "(was empty)" in invoke("db", "upgrade", "--config", config).stdout
    again = document(invoke("db", "upgrade", "--config", config, "--json"))
    assert again["success"] is True
    assert again["from"] == again["to"]
    assert invoke("db", "upgrade", "--config", config).stdout == f"schema {again['to']}\n"


def test_help_and_version(invoke: Invoke) -> None:
    assert __version__ in invoke("--version").stdout
    text = invoke("-h").stdout
    for command in ("serve", "demo", "lookup", "explain", "lint", "send", "keys", "config", "db"):
        assert command in text
        assert "--json" in text or command in text


def _leaves(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], object]]:
    found: list[tuple[tuple[str, ...], object]] = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += _leaves(command, (*path, name))
        else:
            found.append(((*path, name), command))
    return found


WITHOUT_SETTINGS = {("mesh", "scan-secrets"), ("mesh", "texts")}
"""Commands that look at files only, or write one."""


def test_json_and_config_everywhere() -> None:
    everything = click.Group(commands=dict(command_line.cli.commands))
    for extension in load_extensions():
        for added in extension.commands():
            everything.add_command(added)
    for path, command in _leaves(everything):
        assert isinstance(command, click.Command)
        options = {option for item in command.params for option in item.opts}
        assert "--json" in options, path
        assert "--config" in options or path in WITHOUT_SETTINGS, path
        assert command.help, path


def test_console_script(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Extension:
        name = "extra"

        def commands(self) -> Sequence[click.Command]:
            return [click.Command("extra-command", callback=lambda: click.echo("done"))]

    monkeypatch.setattr(command_line, "load_extensions", lambda: [Extension()])
    monkeypatch.setattr("sys.argv", ["enum-backend", "extra-command"])
    try:
        with pytest.raises(SystemExit) as left:
            command_line.main()
    finally:
        command_line.cli.commands.pop("extra-command", None)
    assert left.value.code == 0
    assert capsys.readouterr().out == "done\n"

    def broken() -> list[object]:
        raise SettingsError("extension x: cannot be loaded: y")

    monkeypatch.setattr(command_line, "load_extensions", broken)
    with pytest.raises(SystemExit) as left:
        command_line.main()
    assert left.value.code == 1
    assert capsys.readouterr().err == "enum-backend: extension x: cannot be loaded: y\n"
