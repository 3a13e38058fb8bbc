"""Puts the parts together. Nothing else does."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO

import structlog
from aiohttp import web

from enum_backend.access import KeyStore
from enum_backend.dns.responder import Responder
from enum_backend.dns.server import DnsServer
from enum_backend.dns.zone import Zone
from enum_backend.errors import SettingsError
from enum_backend.extensions import Extension, load_extensions
from enum_backend.gateways.base import GatewayOptionsError
from enum_backend.gateways.registry import GatewayRegistry, build_gateway
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.gateways.webhooks.registry import WEBHOOKS
from enum_backend.logs import protocol_log
from enum_backend.messaging.dispatcher import Dispatcher
from enum_backend.messaging.gateways import SIMULATOR, GatewayPool, Mode
from enum_backend.messaging.routing import Router
from enum_backend.messaging.service import MessageService
from enum_backend.messaging.webhooks import WebhookService
from enum_backend.metrics import Metrics
from enum_backend.settings import LoadedSettings, Settings
from enum_backend.settings.models import ZoneSettings
from enum_backend.shim_tokens import ShimTokenStore
from enum_backend.storage import Database, Sealer
from enum_backend.storage.database import sqlite_file, sqlite_url
from enum_backend.storage.schema import upgrade
from enum_backend.storage.sealing import load_server_key
from enum_backend.web.application import KEEP_ALIVE_SECONDS, MAX_LINE_OCTETS, create_application
from enum_backend.web.call_limits import CallLimiter
from enum_backend.web.services import Services
from nvs.directory import Directory
from nvs.errors import RecordsFileError
from nvs.number_record import TrustLevel
from nvs.rpc import RpcClient
from nvs.sources import FileSource, RecordSource, RpcSource
from nvs.tollfree_source import TollFreeFile, TollFreeName
from nvs.trust import Owner, TrustPolicy

log = structlog.get_logger("enum_backend.app")

SHUTDOWN_SECONDS = 5.0
_NOT_OPTIONS = frozenset({"name", "self"})
"""Arguments of a gateway's class that are no settings: its name is its table's."""


def build_source(settings: Settings) -> RecordSource:
    """Where records come from.

    Raises:
        SettingsError: the records file or the node's address cannot be used.
    """
    if settings.nvs.source == "rpc":
        rpc = settings.nvs.rpc
        try:
            client = RpcClient.from_url(
                rpc.url.get_secret_value(), cookie_file=rpc.cookie_file, timeout=rpc.timeout
            )
        except ValueError as error:
            raise SettingsError(f"nvs.rpc.url: {error}") from None
        return RpcSource(
            client,
            ttl=rpc.cache_ttl,
            negative_ttl=rpc.negative_ttl,
            serve_stale=settings.nvs.serve_stale,
        )
    path = Path(settings.nvs.file) if settings.nvs.file else sample_records()
    try:
        return FileSource(path, trust=TrustLevel[settings.nvs.trust.upper()])
    except RecordsFileError as error:
        raise SettingsError(f"nvs.file: {error}") from None


def sample_records() -> Path:
    """The sample records: of the checkout, or as installed."""
    name = "records.example.json"
    places = (
        Path(__file__).resolve().parent.parent / "config" / name,
        Path(sys.prefix) / "share" / "enum-backend" / name,
    )
    for path in places:
        if path.is_file():
            return path
    raise SettingsError("nvs.file: not set, and the sample records are not installed")


def build_directory(settings: Settings) -> Directory:
    """Records with their trust.

    Raises:
        SettingsError: see `build_source`.
    """
    owners = tuple(
        Owner(owner.address, owner.tenant, owner.numbers) for owner in settings.trust.owners
    )
    try:
        policy = TrustPolicy(
            owners=owners, verifiers=settings.trust.verifiers, max_age=settings.trust.max_age
        )
    except ValueError as error:
        raise SettingsError(f"trust: {error}") from None
    return Directory(build_source(settings), policy, _tollfree(settings.nvs.tollfree))


def _tollfree(setting: str) -> TollFreeFile | TollFreeName | None:
    """Rules from the chain (`enum:...`) or from a file; None when there are none."""
    if not setting:
        return None
    if setting.startswith("enum:"):
        return TollFreeName(setting)
    try:
        return TollFreeFile(setting)
    except RecordsFileError as error:
        raise SettingsError(f"nvs.tollfree: {error}") from None


def build_pool(loaded: LoadedSettings) -> GatewayPool:
    """The gateways, and the mode: as set, or as it follows from them.

    Raises:
        SettingsError: a gateway's settings are wrong, or a chain names none.
    """
    settings = loaded.settings
    registry = GatewayRegistry()
    for name, options in settings.gateways.items():
        if name == SIMULATOR:
            raise SettingsError(f"gateways.{name}: this name is taken by the built-in simulator")
        own = dict(options)
        provider = str(own.pop("provider", name))
        if taken := _NOT_OPTIONS.intersection(own):
            raise SettingsError(f"gateways.{name}: {min(taken)}: unknown option")
        try:
            registry.add(name, build_gateway(provider, name, own))
        except GatewayOptionsError as error:
            details = "; ".join(f"{item.field}: {item.message}" for item in error.errors)
            raise SettingsError(f"gateways.{name}: {details}") from None
    mode, why = _mode(loaded, registry)
    pool = GatewayPool(mode, registry, SimulatorGateway(), settings.routing.default, why)
    chains: list[tuple[str, Sequence[str]]] = [("routing.default", settings.routing.default)]
    chains += [("routing.prefixes", route.chain) for route in settings.routing.prefixes]
    pool.check(chains)
    return pool


def _mode(loaded: LoadedSettings, registry: GatewayRegistry) -> tuple[Mode, str]:
    """The mode and, when it is `disabled`, the sentence that says why."""
    set_mode = loaded.settings.mode
    if set_mode is not None:
        why = "Sending is switched off (mode = disabled)." if set_mode == "disabled" else ""
        return set_mode, why
    if any(not gateway.missing() for gateway in registry):
        return "live", ""
    if loaded.unusable_providers:
        names = ", ".join(loaded.unusable_providers)
        return "disabled", f"Credentials of {names} are set, but this version has no such gateway."
    if len(list(registry)):
        return "disabled", ""
    return "simulation", ""


def database_url(settings: Settings) -> str:
    """The configured database, or the embedded one."""
    return settings.database.url.get_secret_value() or sqlite_url(settings.data_dir)


def database_file(settings: Settings) -> Path | None:
    """The file of a configured database; None for the embedded one of the data directory."""
    url = settings.database.url.get_secret_value()
    return sqlite_file(url) if url else None


def prepare_data_dir(settings: Settings) -> Path:
    """Make the data directory, readable by its owner only.

    Raises:
        SettingsError: it cannot be made.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not settings.database.url.get_secret_value():
            sqlite_file(sqlite_url(settings.data_dir)).touch(mode=0o600)
    except OSError as error:
        raise SettingsError(f"data_dir: {settings.data_dir}: {error.strerror}") from None
    return settings.data_dir


def local_address(host: str) -> str:
    """Where this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def local_url(host: str, port: int) -> str:
    """The same as the start of a URL: IPv6 addresses in brackets."""
    shown = local_address(host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


class Server:
    """One running server: HTTP, DNS, dispatcher.

    Use as an async context manager; inside it, `http_url`, `http_port`,
    `dns_port` and `services` are set.

    Raises:
        SettingsError: on entering, when something cannot be used.
    """

    services: Services
    http_port: int
    dns_port: int

    def __init__(self, loaded: LoadedSettings) -> None:
        self.loaded = loaded
        self.settings = loaded.settings
        self.extensions: list[Extension] = []
        self._stack = AsyncExitStack()

    @property
    def http_url(self) -> str:
        """Where this machine reaches the HTTP server."""
        return local_url(self.settings.http.host, self.http_port)

    async def __aenter__(self) -> Server:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        log.info("stopped")

    async def _start(self) -> None:
        settings, stack = self.settings, self._stack
        self.extensions = load_extensions()
        pool = build_pool(self.loaded)
        data_dir = prepare_data_dir(settings)
        url = database_url(settings)
        stack.callback(_lock(data_dir / "server.lock", f"data_dir: {data_dir}").close)
        if elsewhere := database_file(settings):
            lock = elsewhere.with_name(f"{elsewhere.name}.lock")
            stack.callback(_lock(lock, f"database.url: {elsewhere}").close)
        directory = build_directory(settings)
        stack.push_async_callback(directory.source.close)
        stack.push_async_callback(pool.registry.close)
        sealer = Sealer(load_server_key(settings.server_key.get_secret_value(), data_dir))
        await asyncio.to_thread(upgrade, url)
        database = Database(url)
        stack.push_async_callback(asyncio.to_thread, database.close)
        metrics = Metrics()
        dispatcher = Dispatcher(
            database, sealer, pool, settings.dispatch, alone=True, on_outcome=metrics.outcome
        )
        router = Router(
            directory,
            pool,
            fallback=settings.routing.fallback,
            prefixes=settings.routing.prefixes,
        )
        messages = MessageService(
            database,
            sealer,
            router,
            pool,
            limit_settings=settings.limits,
            dispatch=settings.dispatch,
            test_numbers=settings.test_numbers,
            on_accepted=dispatcher.notify,
        )
        self.services = Services(
            settings=settings,
            directory=directory,
            pool=pool,
            messages=messages,
            dispatcher=dispatcher,
            keys=KeyStore(database),
            shim_tokens=ShimTokenStore(database, sealer),
            database=database,
            metrics=metrics,
            webhooks=WebhookService(
                database, sealer, pool, WEBHOOKS, on_event=metrics.webhook_event
            ),
            webhook_limiter=CallLimiter(settings.http.webhooks_per_minute),
            public_url=settings.public_base_url
            or f"http://{local_address(settings.http.host)}:{settings.http.port}",
        )
        await dispatcher.start()
        stack.push_async_callback(dispatcher.stop)
        self.dns_port = await self._start_dns(directory, metrics)
        self.http_port = await self._start_http()
        log.info(
            "started",
            mode=pool.mode,
            http=self.http_url,
            dns=f"{settings.dns.host}:{self.dns_port}",
            gateways=[gateway.name for gateway in pool.registry],
        )
        self._log_warnings(pool)

    async def _start_dns(self, directory: Directory, metrics: Metrics) -> int:
        dns = self.settings.dns
        zones = [_zone(item, self.settings) for item in dns.zones]
        server = DnsServer(
            Responder(directory, zones, publish=dns.publish),
            host=dns.host,
            port=dns.port,
            on_answer=metrics.dns_answer,
        )
        try:
            await server.start()
        except OSError as error:
            raise SettingsError(
                f"dns.port: {dns.host}:{dns.port} cannot be used ({error.strerror or error})"
            ) from None
        self._stack.push_async_callback(server.stop)
        return server.port

    async def _start_http(self) -> int:
        http = self.settings.http
        extra = [item for extension in self.extensions for item in extension.endpoints()]
        runner = web.AppRunner(
            create_application(self.services, extra),
            access_log=None,
            logger=protocol_log(),
            max_line_size=MAX_LINE_OCTETS,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, http.host, http.port)
        try:
            await site.start()
        except OSError as error:
            raise SettingsError(
                f"http.port: {http.host}:{http.port} cannot be used ({error.strerror or error})"
            ) from None
        port: int = runner.addresses[0][1]
        return port

    def _log_warnings(self, pool: GatewayPool) -> None:
        for warning in self.loaded.warnings:
            log.warning(warning)
        for gateway in pool.registry:
            if missing := gateway.missing():
                log.warning("gateway is half-set", gateway=gateway.name, lacks=missing)
        if self.loaded.unusable_providers:
            names = list(self.loaded.unusable_providers)
            log.warning("credentials are set for providers this version lacks", providers=names)
        if pool.mode == "disabled":
            log.warning("sending is disabled", why=pool.disabled_because or "half-set gateways")
        if self.settings.nvs.source == "file" and not self.settings.nvs.file:
            log.warning("serving the sample records; set nvs.file or nvs.source")
        status = self.services.directory.source.status()
        if status.detail:
            log.warning("records", detail=status.detail)


def _zone(item: str | ZoneSettings, settings: Settings) -> Zone:
    zone = item if isinstance(item, ZoneSettings) else ZoneSettings(name=item)
    try:
        return Zone(
            zone.name,
            undotted=zone.undotted,
            nameservers=settings.dns.nameservers,
            hostmaster=settings.dns.hostmaster,
            negative_ttl=settings.dns.negative_ttl,
        )
    except ValueError as error:
        raise SettingsError(f"dns.zones: {zone.name}: {error}") from None


def _lock(path: Path, what: str) -> IO[str]:
    """Hold an outbox: two dispatchers on one would not see each other's crash.

    Raises:
        SettingsError: another server runs on it, or the file cannot be written.
    """
    try:
        file = path.open("a+", encoding="ascii")
    except OSError as error:
        raise SettingsError(f"{what}: cannot be written ({error.strerror})") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise SettingsError(f"{what}: another server is running on it") from None
    with contextlib.suppress(OSError):
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
    return file
