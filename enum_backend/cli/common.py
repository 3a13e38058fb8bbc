"""What all commands share: options, output, errors and exit codes.

Exit codes: 0 done, 1 failed or refused, 2 wrong use.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from dotenv import dotenv_values

from enum_backend.api_client import ApiClient, NoServer
from enum_backend.errors import EnumBackendError, SettingsError
from enum_backend.logs import configure_logging
from enum_backend.settings import LoadedSettings, load_settings
from enum_backend.setup.places import local_url
from nvs.errors import NvsError

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def common_options(command: F) -> F:
    """`--config FILE` and `--json`, as every command takes them."""
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Settings file (TOML).",
    )(command)


def reports_errors(command: F) -> F:
    """Turn expected errors into one line (or JSON) on standard error and exit code 1."""

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except EnumBackendError as error:
            fail(error.message, error.error_code, as_json=kwargs.get("as_json", False))
        except NvsError as error:
            fail(str(error), error.error_code, as_json=kwargs.get("as_json", False))
        except SettingsError as error:
            fail(str(error), "SETTINGS_INVALID", as_json=kwargs.get("as_json", False))

    return wrapper  # type: ignore[return-value]


def fail(message: str, error_code: str = "FAILED", *, as_json: bool = False) -> NoReturn:
    """Say why, and exit with 1."""
    if as_json:
        click.echo(json.dumps({"success": False, "error": message, "error_code": error_code}))
    else:
        click.echo(f"enum-backend: {message}", err=True)
    sys.exit(1)


def load(
    config_file: Path | None, flags: dict[tuple[str, ...], Any] | None = None, *, quiet: bool = True
) -> LoadedSettings:
    """Settings, with logging set up; `quiet` commands log warnings only.

    Raises:
        SettingsError: see `load_settings`.
    """
    loaded = load_settings(config_file, flags=flags)
    configure_logging("WARNING" if quiet else loaded.settings.log_level)
    return loaded


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine."""
    return asyncio.run(work)


def show(document: Any, as_json: bool, text: Callable[[], str]) -> None:
    """Print a result as JSON, or as text."""
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))
    else:
        click.echo(text())


def api_url(loaded: LoadedSettings) -> str:
    """The server a client command talks to."""
    for variable in ("ENUM_BACKEND_API_URL", "AGENTPASS_API_URL"):
        if url := _variable(variable):
            return url.rstrip("/")
    http = loaded.settings.http
    return local_url(http.host, http.port)


def _variable(name: str) -> str | None:
    """A variable of the environment, else of `.env`, as the settings are read."""
    return os.environ.get(name) or dotenv_values(".env").get(name)


def ask_server(
    config_file: Path | None,
    as_json: bool,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    query: Mapping[str, str] | None = None,
    *,
    seconds: float = 30.0,
) -> dict[str, Any]:
    """The running server's answer; ends the command when there is none, or when it refuses."""
    loaded = load(config_file)
    client = ApiClient(api_url(loaded), api_key(loaded), seconds=seconds)
    try:
        answer = run(client.request(method, path, json=body, query=query))
    except NoServer as error:
        fail(str(error), as_json=as_json)
    if answer.status not in (200, 202):
        fail(*answer.refusal, as_json=as_json)
    return dict(answer.document)


def cli_key_file(loaded: LoadedSettings) -> Path:
    """Where `serve` keeps the key for the clients of this machine."""
    return loaded.settings.data_dir / "cli-key"


def api_key(loaded: LoadedSettings) -> str:
    """The key a client command uses.

    Raises:
        SettingsError: there is none.
    """
    if key := _variable("ENUM_BACKEND_API_KEY"):
        return key
    path = cli_key_file(loaded)
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(
            f"no API key: set ENUM_BACKEND_API_KEY, or start the server once (it writes {path})"
        ) from None
