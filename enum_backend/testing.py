"""A whole server to test against: HTTP, DNS, dispatcher and the simulator, in this process.

    from enum_backend.testing import running_server

    async def test_my_client():
        records = {"enum:14155550100:0": {"sms": "telnyx:+14155550100"}}
        async with running_server(records) as server:
            await my_client(server.http_url, server.api_key).send("+14155550100", "Hello")
            assert (await server.wait_for_messages())[0].text == "Hello"

Free loopback ports, a data directory of its own that is gone afterwards, and no
influence of the environment or of a settings file. Nothing leaves this machine.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from enum_backend.access import SCOPES
from enum_backend.app import Server
from enum_backend.gateways.simulator import SimulatedSms, SimulatorGateway
from enum_backend.settings import load_settings
from enum_backend.web.services import Services

__all__ = ["RunningServer", "running_server"]


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where the server is, and what it has sent.

    Attributes:
        http_url: `http://127.0.0.1:PORT`.
        dns_port: UDP and TCP, on 127.0.0.1.
        api_key: a key of tenant `default` with every scope.
        shim_url: MeshCentral's `sms.url` with its placeholders; empty when
            `meshcentral_plugin` is not installed.
        data_dir: database and keys.
        services: the parts of the server, for a test that must look inside.
    """

    http_url: str
    http_port: int
    dns_port: int
    api_key: str = field(repr=False)
    shim_url: str = field(repr=False)
    data_dir: Path
    services: Services = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """Request headers that carry the API key."""
        return {"Authorization": f"Bearer {self.api_key}"}

    @property
    def simulator(self) -> SimulatorGateway:
        """Everything sent in simulation mode arrives here; see `fail_next` and `delay`."""
        return self.services.pool.simulator

    @property
    def messages(self) -> list[SimulatedSms]:
        """What has arrived at the simulator, oldest first."""
        return list(self.simulator.messages)

    async def wait_for_messages(
        self, count: int = 1, *, seconds: float = 5.0
    ) -> list[SimulatedSms]:
        """What has arrived, once it is `count` messages or more.

        Raises:
            TimeoutError: it took longer.
        """
        arrived = asyncio.Event()
        stop = self.simulator.on_message(lambda _: arrived.set())
        try:
            async with asyncio.timeout(seconds):
                while len(self.simulator.messages) < count:
                    arrived.clear()
                    await arrived.wait()
        finally:
            stop()
        return self.messages

    async def create_key(self, *scopes: str, tenant: str = "default") -> str:
        """Another API key; its tenant is made if it is not there."""
        if tenant not in {known.name for known in await self.services.tenants.all()}:
            await self.services.tenants.create(tenant)
        _, token = await self.services.keys.create("test", scopes, tenant)
        return token


@asynccontextmanager
async def running_server(
    records: Mapping[str, Any] | Path | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
) -> AsyncIterator[RunningServer]:
    """Start a server, and stop it at the end.

    Args:
        records: NVS name -> value as in a records file, or the path of one;
            None = the sample records.
        settings: as in a settings file, over the defaults, e.g.
            `{"limits": {"per_recipient_hour": 0}}`. Mode is `simulation` unless
            `mode` stands here; `"mode": None` lets it follow from the gateways.

    Raises:
        SettingsError: the settings or the records cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="enum-backend-test-") as folder:
        flags: dict[tuple[str, ...], Any] = {
            ("mode",): "simulation",
            ("data_dir",): str(Path(folder) / "data"),
            ("http", "port"): 0,
            ("dns", "port"): 0,
        }
        if isinstance(records, Path):
            flags["nvs", "file"] = str(records)
        elif records is not None:
            file = Path(folder) / "records.json"
            file.write_text(json.dumps(dict(records)), "utf-8")
            flags["nvs", "file"] = str(file)
        for section, value in (settings or {}).items():
            if isinstance(value, Mapping):
                flags |= {(section, key): item for key, item in value.items()}
            else:
                flags[section,] = value
        async with Server(load_settings(environment={}, flags=flags)) as server:
            yield await _described(server)


async def _described(server: Server) -> RunningServer:
    _, api_key = await server.services.keys.create("test", SCOPES)
    lines = [
        line
        for extension in server.extensions
        for _, line in await extension.start_lines(server.services, server.http_url)
    ]
    return RunningServer(
        http_url=server.http_url,
        http_port=server.http_port,
        dns_port=server.dns_port,
        api_key=api_key,
        shim_url=next((line for line in lines if "{{phone}}" in line), ""),
        data_dir=server.settings.data_dir,
        services=server.services,
    )
