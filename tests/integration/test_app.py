"""The parts together: modes, settings that cannot be used, records from a node."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp
import dns.asyncquery
import dns.message
import dns.rcode
import pytest
from structlog.testing import capture_logs

from enum_backend import shipped
from enum_backend.app import Server
from enum_backend.errors import SettingsError
from enum_backend.extensions import load_extensions
from enum_backend.settings import load_settings
from enum_backend.setup.gateways import build_pool
from enum_backend.setup.places import local_url, prepare_data_dir
from enum_backend.setup.records import build_source
from enum_backend.testing import RunningServer, running_server
from nvs.names import to_e164_name
from nvs.testing import Failure, FakeNode

NUMBER = "+14155551234"
FREE_PORTS: dict[tuple[str, ...], Any] = {("http", "port"): 0, ("dns", "port"): 0}


def settings_of(data_dir: Path, environment: dict[str, str] | None = None, **flags: Any) -> Any:
    paths = {tuple(key.split("__")): value for key, value in flags.items()}
    wanted = {("data_dir",): str(data_dir), **FREE_PORTS, **paths}
    return load_settings(environment=environment or {}, flags=wanted)


async def refused(data_dir: Path, **flags: Any) -> str:
    """Why the server does not start."""
    with pytest.raises(SettingsError) as caught:
        async with Server(settings_of(data_dir, **flags)):
            pass
    return str(caught.value)


USABLE = {"api_key": "KEYtest", "from": "+14155550100"}
HALF_SET = {"api_key": "KEYtest"}


@pytest.mark.parametrize(
    ("environment", "gateways", "mode"),
    [
        ({}, {}, "simulation"),
        ({"SMS_SIMULATION_MODE": "true"}, {"telnyx": USABLE}, "simulation"),
        ({"SMS_SIMULATION_MODE": "false"}, {"telnyx": USABLE}, "live"),
        ({}, {"telnyx": USABLE}, "live"),
        ({}, {"telnyx": USABLE, "eu": {"provider": "telnyx"}}, "live"),
        ({}, {"telnyx": HALF_SET}, "disabled"),
        ({}, {"telnyx": {}}, "disabled"),
        ({"TELNYX_API_KEY": "KEYtest"}, {}, "disabled"),
        ({"TELNYX_API_KEY": "KEYtest", "TELNYX_FROM": "+14155550100"}, {}, "live"),
        ({"TWILIO_ACCOUNT_SID": "AC00"}, {}, "disabled"),
        ({"TWILIO_SID": "AC00", "TWILIO_AUTH": "x", "TWILIO_FROM": "+14155550100"}, {}, "live"),
        ({"PLIVO_AUTH_ID": "MA00", "PLIVO_AUTH_TOKEN": "x"}, {}, "disabled"),
        (
            {"PLIVO_AUTH_ID": "MA0", "PLIVO_AUTH_TOKEN": "x", "PLIVO_FROM": "+14155550100"},
            {},
            "live",
        ),
        ({"TWILIO_ACCOUNT_SID": "AC00"}, {"telnyx": USABLE}, "live"),
        ({"ENUM_BACKEND_MODE": "disabled"}, {"telnyx": USABLE}, "disabled"),
        ({"ENUM_BACKEND_MODE": "live"}, {}, "live"),
    ],
)
async def test_mode_follows_from_the_gateways(
    tmp_path: Path, environment: dict[str, str], gateways: dict[str, Any], mode: str
) -> None:
    loaded = settings_of(
        tmp_path, environment, **{f"gateways__{k}": v for k, v in gateways.items()}
    )
    with capture_logs() as logs:
        async with (
            Server(loaded) as server,
            aiohttp.ClientSession(server.http_url) as http,
            http.get("/readyz") as response,
        ):
            assert (await response.json())["mode"] == mode
    assert [item["mode"] for item in logs if item["event"] == "started"] == [mode]
    warned = {item["event"] for item in logs if item["log_level"] == "warning"}
    assert ("sending is disabled" in warned) is (mode == "disabled")
    half_set = [item for item in logs if item["event"] == "gateway is half-set"]
    lacking = [name for name, options in gateways.items() if options is not USABLE]
    if not any(name.startswith(("TELNYX", "TWILIO", "PLIVO")) for name in environment):
        assert [item["gateway"] for item in half_set] == lacking
        assert all(item["lacks"] for item in half_set)


async def test_ports_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        why = await refused(tmp_path, http__port=port)
        assert why.startswith(f"http.port: 127.0.0.1:{port} cannot be used (")
        assert f"dns.port: 127.0.0.1:{port}" in await refused(tmp_path, dns__port=port)
    async with Server(settings_of(tmp_path)):
        pass


async def test_addresses_that_are_not_ours(tmp_path: Path) -> None:
    assert "http.port: 192.0.2.1:" in await refused(tmp_path, http__host="192.0.2.1")
    assert "dns.port: 192.0.2.1:" in await refused(tmp_path, dns__host="192.0.2.1")


async def test_second_server_on_the_same_data_dir(tmp_path: Path) -> None:
    async with Server(settings_of(tmp_path)) as first:
        why = await refused(tmp_path)
        assert why == f"data_dir: {tmp_path}: another server is running on it"
        async with aiohttp.ClientSession(first.http_url) as http, http.get("/livez") as response:
            assert response.status == 200
        assert (tmp_path / "server.lock").read_text().strip() == str(os.getpid())
    async with Server(settings_of(tmp_path)):
        pass


async def test_second_server_on_the_same_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.sqlite3'}"
    async with Server(settings_of(tmp_path / "one", database__url=url)):
        why = await refused(tmp_path / "two", database__url=url)
    assert why == f"database.url: {tmp_path / 'shared.sqlite3'}: another server is running on it"


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"routing__default": ["nobody"]}, "routing.default: there is no gateway 'nobody'"),
        (
            {"routing__prefixes": [{"prefix": "+44", "chain": ["nobody"]}]},
            "routing.prefixes: there is no gateway 'nobody'",
        ),
        ({"gateways__simulator": {}}, "gateways.simulator: this name is taken"),
        ({"gateways__x": {"provider": "telnx"}}, "gateways.x: provider: there is no provider"),
        ({"gateways__telnyx": {"name": "x"}}, "gateways.telnyx: name: "),
        ({"gateways__telnyx": {"apikey": "KEYcanary"}}, "gateways.telnyx: apikey: unknown option"),
        ({"gateways__Bad Name": {"provider": "url"}}, "gateways.Bad Name: "),
        ({"gateways__url": {"url": "http://u:canary@x/"}}, "gateways.url: url: user:password@"),
        ({"nvs__file": "/nonexistent/records.json"}, "nvs.file: /nonexistent/records.json"),
        ({"nvs__source": "rpc", "nvs__rpc": {"url": "nonsense"}}, "nvs.rpc.url: "),
        ({"dns__zones": ["bad..name"]}, "dns.zones: bad..name: "),
        ({"server_key": "dG9vIHNob3J0"}, "server_key: expected 32 octets"),
        ({"database__url": "sqlite:////nonexistent/x.sqlite3"}, "database.url: "),
    ],
)
async def test_settings_that_cannot_be_used_are_named(
    tmp_path: Path, flags: dict[str, Any], named: str
) -> None:
    why = await refused(tmp_path, **flags)
    assert why.startswith(named)
    assert "canary" not in why


async def test_broken_records_file(tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    file.write_text("{")
    assert (await refused(tmp_path / "data", nvs__file=str(file))).startswith(f"nvs.file: {file}")


async def test_data_dir_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert await refused(file) == f"data_dir: {file}: File exists"
    assert (await refused(file / "below")).startswith(f"data_dir: {file / 'below'}: Not a dir")
    (tmp_path / "data" / "server.lock").mkdir(parents=True)
    assert "cannot be written" in await refused(tmp_path / "data")


async def test_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "enum-backend.sqlite3").write_bytes(b"nonsense " * 1000)
    assert "cannot be opened: file is not a database" in await refused(tmp_path)


async def test_new_data_dir_is_private(tmp_path: Path) -> None:
    async with Server(settings_of(tmp_path / "new" / "data")):
        assert (tmp_path / "new" / "data").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "new" / "data" / "server.key").stat().st_mode & 0o777 == 0o600


def test_extension_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        name = "broken"

        def load(self) -> Any:
            raise ImportError("no such module")

    monkeypatch.setattr("enum_backend.extensions.entry_points", lambda group: [Broken()])
    with pytest.raises(SettingsError, match="extension broken: cannot be loaded: no such module"):
        load_extensions()


def test_sample_records_as_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = shipped.shipped("records.example.json", "nvs.file")
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "site" / "enum_backend" / "x.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(SettingsError, match=r"records\.example\.json is not installed"):
        shipped.shipped("records.example.json", "nvs.file")
    installed = tmp_path / "share" / "enum-backend"
    installed.mkdir(parents=True)
    shutil.copy(sample, installed)
    found = shipped.shipped("records.example.json", "nvs.file")
    assert found == installed / "records.example.json"


def test_urls_of_this_machine() -> None:
    assert local_url("0.0.0.0", 8080) == "http://127.0.0.1:8080"
    assert local_url("::", 8080) == "http://[::1]:8080"
    assert local_url("2001:db8::1", 80) == "http://[2001:db8::1]:80"
    assert local_url("example.org", 80) == "http://example.org:80"


def test_sources(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="data_dir"):
        prepare_data_dir(settings_of(Path("/proc/nonexistent")).settings)
    assert build_source(settings_of(tmp_path).settings).status().source == "file"


async def test_warnings_at_start(tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    file.write_text('{"enum:14155551234:0": "!^.*$!sip:a@b.example!", "dns:other.example": "x"}')
    with capture_logs() as logs:
        loaded = settings_of(tmp_path / "data", nvs__file=str(file), dns__workers=2)
        async with Server(loaded):
            pass
    warned = [item["event"] for item in logs if item["log_level"] == "warning"]
    assert any("dns.workers" in event and "no effect" in event for event in warned)
    assert "serving the sample records; set nvs.file or nvs.source" not in warned


# Records from a node ------------------------------------------------------------------


async def ask(server: RunningServer, number: str = NUMBER) -> tuple[int, dict[str, Any], str]:
    """HTTP status and body, and DNS's response code."""
    async with (
        aiohttp.ClientSession(server.http_url) as http,
        http.get(f"/enum/{number}") as response,
    ):
        body = await response.json()
    query = dns.message.make_query(to_e164_name(number), "NAPTR")
    answer = await dns.asyncquery.udp(query, "127.0.0.1", timeout=5, port=server.dns_port)
    return response.status, body, dns.rcode.to_text(answer.rcode())


def rpc(node: FakeNode, **more: Any) -> dict[str, Any]:
    quick = {"url": node.url, "timeout": 2, "cache_ttl": 0.05, "negative_ttl": 0.05}
    return {"nvs": {"source": "rpc", "rpc": quick, **more}, "dns": {"publish": "all"}}


async def test_records_come_from_the_node() -> None:
    with FakeNode() as node:
        node.add("enum:14155551234:0", "E2U+sip=100|10|!^(.*)$!sip:a@b.example!")
        async with running_server(settings=rpc(node)) as server:
            status, body, rcode = await ask(server)
            assert (status, rcode, body["source"]) == (200, "NOERROR", "rpc")
            assert body["trust"]["level"] == "untrusted"
            assert (await ask(server, "+14155559999"))[0] == 404


async def test_owner_of_the_settings_routes() -> None:
    with FakeNode() as node:
        node.add("enum:14155551234:0", '{"sms":"telnyx:+14155550104"}')
        async with running_server(settings=rpc(node)) as server:
            _, body, _ = await ask(server)
        owner = {"address": body["entries"][0]["owner"], "numbers": ["+1415555"]}
        settings = {**rpc(node), "trust": {"owners": [owner]}}
        async with running_server(settings=settings) as server:
            assert (await ask(server))[1]["trust"]["level"] == "operator"
            headers = server.headers
            async with aiohttp.ClientSession(server.http_url, headers=headers) as http:
                body = {"to": NUMBER, "message": "x"}
                async with http.post("/sms/send", json=body) as response:
                    assert response.status == 200
            assert (await server.wait_for_messages())[0].to == "+14155550104"


async def test_node_down_is_never_a_missing_number() -> None:
    with FakeNode() as node:
        node.refuse_connections()
        async with running_server(settings=rpc(node)) as server:
            for number in (NUMBER, "+14155559999"):
                status, body, rcode = await ask(server, number)
                assert (status, body["error_code"], rcode) == (503, "NVS_UNAVAILABLE", "SERVFAIL")
                assert node.password not in str(body)
            async with aiohttp.ClientSession(server.http_url, headers=server.headers) as http:
                for path in (f"/enum/{NUMBER}/naptr", f"/enum/{NUMBER}/explain"):
                    async with http.get(path) as response:
                        assert response.status == 503
                        assert (await response.json())["error_code"] == "NVS_UNAVAILABLE"
                body = {"to": NUMBER, "message": "x"}
                async with http.post("/sms/send", json=body) as response:
                    assert response.status == 503
                    assert (await response.json())["error_code"] == "NVS_UNAVAILABLE"
                async with http.get("/readyz") as response:
                    assert response.status == 503
                    text = await response.text()
                assert '"not ready"' in text
                assert node.password not in text
                shim = server.shim_url.replace("{{phone}}", "4155551234")
                async with http.get(
                    shim.replace("{{message}}", "MeshTest access token is: 123456")
                ) as response:
                    assert response.status == 200, "a login code does not wait for the node"
            node.accept_connections()
            node.add("enum:14155551234:0", "!^.*$!sip:a@b.example!")
            async with asyncio.timeout(20):
                while (await ask(server))[0] != 200:
                    await asyncio.sleep(0.1)


@pytest.mark.parametrize("failure", ["warming_up", "garbage", "disconnect", "forbidden"])
async def test_failing_node_is_never_a_missing_number(failure: str) -> None:
    with FakeNode() as node:
        node.fail_with(Failure[failure.upper()])
        async with running_server(settings=rpc(node)) as server:
            status, body, rcode = await ask(server)
            assert (status, body["error_code"], rcode) == (503, "NVS_UNAVAILABLE", "SERVFAIL")


async def test_known_records_outlive_the_node() -> None:
    with FakeNode() as node:
        node.add("enum:14155551234:0", "!^.*$!sip:a@b.example!")
        async with running_server(settings=rpc(node, serve_stale=600)) as server:
            assert (await ask(server))[0] == 200
            node.refuse_connections()
            await asyncio.sleep(0.2)
            status, body, rcode = await ask(server)
            assert (status, rcode) == (200, "NOERROR")
            assert body["stale_seconds"] > 0
            assert (await ask(server, "+14155550177"))[0::2] == (503, "SERVFAIL")


def test_locks_are_let_go_by_the_operating_system(tmp_path: Path) -> None:
    """A lock file left by a killed process stops nobody."""
    (tmp_path / "server.lock").write_text("999999\n")

    async def start() -> None:
        async with Server(settings_of(tmp_path)):
            pass

    asyncio.run(start())


def test_reports_come_to_us_unless_the_settings_say_where(tmp_path: Path) -> None:
    gateways = {
        "gateways__telnyx": USABLE,
        "gateways__eu": {**USABLE, "provider": "telnyx", "webhook_url": "https://x.example/r"},
    }
    ours = {"public_base_url": "https://sms.example.org", **gateways}
    pool = build_pool(settings_of(tmp_path, **ours))
    urls = [gateway.options.webhook_url for gateway in pool.registry]
    assert urls == ["https://sms.example.org/sms/webhook/telnyx/telnyx", "https://x.example/r"]
    private = build_pool(settings_of(tmp_path, gateways__telnyx=USABLE))
    assert next(iter(private.registry)).options.webhook_url == ""
