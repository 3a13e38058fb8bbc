"""A real MeshCentral as a process of its own, on a configuration that `mesh config` made."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.ports import free_ports
from tests.serving import Serving, enum_backend, environment

HOST = "mesh.example.org"
PASSWORD = "Correct-Horse-77-Battery"  # pragma: allowlist secret
ADMIN = "admin"
START_SECONDS = 90.0
STOP_SECONDS = 20.0
COMMAND_SECONDS = 60.0

RECIPE = Path(__file__).parents[3] / "config" / "meshcentral" / "template.json"
FOR_TESTS = {
    "portBind": "127.0.0.1",
    "mpsPort": 0,
    "agentTimeStampServer": False,
    "autoBackup": False,
}
"""Nothing but loopback, and one port only."""
OWN_CERTIFICATE = "https://127.0.0.1:9/"
"""For `certUrl`, from which MeshCentral fetches the proxy's certificate: nobody is there."""

_UNQUOTED = re.compile(r"(?<=: )\$\{[^}]*\}")
_QUOTED = re.compile(r'"unquoted (\$\{[^}]*\})"')
_READY = re.compile(r"MeshCentral HTTPS? server running on port ([0-9]+)")


class MeshCentral:
    """One installation, `folder/meshcentral-data`; it can be started more than once.

    Attributes:
        folder: what MeshCentral takes for its home: `meshcentral-data`,
            `meshcentral-files` and `meshcentral-web` lie there.
        texts: where it looks for texts other than its own.
        url: `http://127.0.0.1:PORT`.
        origin: what a browser that opened it by its name sends as Origin.
    """

    def __init__(self, folder: Path, node_modules: Path) -> None:
        self.folder = folder
        self.data = folder / "meshcentral-data"
        self.config = self.data / "config.json"
        self.texts = folder / "meshcentral-web" / "emails"
        self.data.mkdir(parents=True, exist_ok=True)
        link = folder / "node_modules"
        if not link.is_symlink():
            link.symlink_to(node_modules)
        self._log = folder / "meshcentral.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Its config.json."""
        document: dict[str, Any] = json.loads(self.config.read_text("utf-8"))
        return document

    @property
    def port(self) -> int:
        port: int = self.settings["settings"]["port"]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return f"http://{self.settings['settings']['cert']}:{self.port}"

    @property
    def log(self) -> str:
        """What it has printed, over all its starts."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    async def create_account(self, name: str, *, admin: bool = False) -> None:
        """On its command line, while it does not run; the password is `PASSWORD`."""
        await self.command("--createaccount", name, "--pass", PASSWORD)
        if admin:
            await self.command("--adminaccount", name)

    async def command(self, *arguments: str) -> str:
        """One of MeshCentral's own commands; its output."""
        process = await self._spawn(*arguments, stdout=asyncio.subprocess.PIPE)
        try:
            output, _ = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        text = output.decode("utf-8", "replace")
        assert process.returncode == 0, text
        assert "Done." in text, text
        return text

    def take_over(self, other: MeshCentral) -> None:
        """The accounts of another, and its certificates if the name is the same."""
        shutil.copy(other.data / "meshcentral.db", self.data)
        if self.settings["settings"]["cert"] == other.settings["settings"]["cert"]:
            for path in (*other.data.glob("*.crt"), *other.data.glob("*.key")):
                shutil.copy(path, self.data)
            shutil.copytree(other.data / "signedagents", self.data / "signedagents")

    async def start(self) -> None:
        """Start it and wait until it answers."""
        before = len(self.log)
        with self._log.open("ab") as log:
            # As the child of a parent that watches it: it ends when its input does.
            self._process = await self._spawn("--launch", str(os.getpid()), stdout=log)
        try:
            async with asyncio.timeout(START_SECONDS):
                while not _READY.search(self.log, before) or not await self._answers():
                    assert self._process.returncode is None, self.log
                    await asyncio.sleep(0.05)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop it; nothing is lost, as its database appends."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _answers(self) -> bool:
        timeout = aiohttp.ClientTimeout(total=5)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.get(f"{self.url}/health.ashx") as response,
            ):
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def _spawn(self, *arguments: str, stdout: Any) -> asyncio.subprocess.Process:
        node = shutil.which("node")
        assert node is not None
        # It finds its data beside node_modules; through the link that is `folder`.
        options = "--preserve-symlinks --preserve-symlinks-main"
        return await asyncio.create_subprocess_exec(
            node,
            "node_modules/meshcentral/meshcentral.js",
            *("--npmpath", "no-npm-at-run-time"),
            *arguments,
            cwd=self.folder,
            env=_without_proxy(environment(NODE_OPTIONS=options)),
            stdin=asyncio.subprocess.PIPE,
            stdout=stdout,
            stderr=asyncio.subprocess.STDOUT,
        )


@asynccontextmanager
async def running(mesh: MeshCentral) -> AsyncIterator[MeshCentral]:
    """Start it, and stop it at the end."""
    await mesh.start()
    try:
        yield mesh
    finally:
        await mesh.stop()


def recipe(
    settings: Mapping[str, Any] | None = None,
    domain: Mapping[str, Any] | None = None,
    **top: Any,
) -> str:
    """The template of `config/meshcentral`, for loopback, with more options.

    Args:
        settings: of `settings`, such as `{"plugins": {"enabled": True}}`.
        domain: of the unnamed domain.
        top: whole sections, such as `sms`.
    """
    document = json.loads(_UNQUOTED.sub(r'"unquoted \g<0>"', RECIPE.read_text("utf-8")))
    document["settings"] |= FOR_TESTS | dict(settings or {})
    document["domains"][""] |= {"certUrl": OWN_CERTIFICATE, **(domain or {})}
    return _QUOTED.sub(r"\1", json.dumps(document | top, indent=2))


def variables(**more: str) -> dict[str, str]:
    """Values for the recipe's variables; a new port each time."""
    return {
        "MESHCENTRAL_HOST": HOST,
        "MESHCENTRAL_PORT": str(free_ports(1)[0]),
        "MESHCENTRAL_TITLE": "MeshTest",
        "MESHCENTRAL_SESSION_KEY": "0123456789abcdef" * 4,
        "PROXY_ADDRESS": "127.0.0.1",
        "SMS_URL": "",
        **more,
    }


def config_command(
    mesh: MeshCentral,
    backend: Serving,
    template: str,
    *arguments: str,
    values: Mapping[str, str] | None = None,
    home: Path,
) -> list[str]:
    """`mesh config TEMPLATE --out .../config.json` beside a running server of ours.

    Args:
        template: text of the template.
        arguments: more of them, such as `--via enum-backend`, `--server NAME`.
        values: of the variables, over `variables()`.
        home: the folder of `serving`, with its settings and its database.
    """
    source = mesh.folder / "template.json"
    source.write_text(template, "utf-8")
    given = variables(**(values or {}))
    env = mesh.folder / "mesh.env"
    env.write_text("".join(f"{name}='{value}'\n" for name, value in given.items()))
    return [
        *("mesh", "config", str(source), "--env", str(env), "--out", str(mesh.config)),
        *("--config", str(home / "settings.toml"), "--shim-base", backend.http_url),
        *arguments,
    ]


async def configured(
    folder: Path,
    node_modules: Path,
    backend: Serving,
    template: str,
    arguments: Sequence[str] = ("--via", "enum-backend"),
    *,
    values: Mapping[str, str] | None = None,
    cwd: Path,
) -> MeshCentral:
    """An installation with a configuration by `mesh config` and the account `ADMIN`."""
    mesh = MeshCentral(folder, node_modules)
    command = config_command(mesh, backend, template, *arguments, values=values, home=cwd)
    done = await enum_backend(*command, cwd=cwd, seconds=COMMAND_SECONDS)
    assert done[0] == 0, done
    await mesh.create_account(ADMIN, admin=True)
    return mesh


def _without_proxy(variables: dict[str, str]) -> dict[str, str]:
    """MeshCentral installs one more package when a proxy stands in the environment."""
    return {name: value for name, value in variables.items() if not name.lower().endswith("_proxy")}
