"""Puts the parts together. Nothing else does."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
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
from enum_backend.gateways.webhooks.registry import WEBHOOKS
from enum_backend.logs import protocol_log
from enum_backend.messaging.dispatcher import Dispatcher
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.routing import Router
from enum_backend.messaging.service import MessageService
from enum_backend.messaging.webhooks import WebhookService
from enum_backend.metrics import Metrics
from enum_backend.settings import LoadedSettings, Settings
from enum_backend.settings.models import ZoneSettings
from enum_backend.setup.gateways import build_pool
from enum_backend.setup.numbers import build_classifier, build_inventory, build_prices
from enum_backend.setup.places import (
    database_file,
    database_url,
    local_address,
    local_url,
    prepare_data_dir,
)
from enum_backend.setup.records import build_directory, build_mirror
from enum_backend.shim_tokens import ShimTokenStore
from enum_backend.storage import Database, Sealer
from enum_backend.storage.schema import upgrade
from enum_backend.storage.sealing import load_server_key
from enum_backend.web.application import KEEP_ALIVE_SECONDS, MAX_LINE_OCTETS, create_application
from enum_backend.web.call_limits import CallLimiter
from enum_backend.web.services import Services
from nvs.directory import Directory
from nvs.mirror import MirrorBusy, MirrorUnusable

log = structlog.get_logger("enum_backend.app")

SHUTDOWN_SECONDS = 5.0


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
        prices = build_prices(settings)
        data_dir = prepare_data_dir(settings)
        url = database_url(settings)
        stack.callback(_lock(data_dir / "server.lock", f"data_dir: {data_dir}").close)
        if elsewhere := database_file(settings):
            lock = elsewhere.with_name(f"{elsewhere.name}.lock")
            stack.callback(_lock(lock, f"database.url: {elsewhere}").close)
        directory = await self._open_records()
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
            prices=prices,
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
            numbers=await build_inventory(settings, pool, prices, database, sealer, messages),
            classifier=build_classifier(pool),
            prices=prices,
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

    async def _open_records(self) -> Directory:
        """The records; with a mirror, its writer begins to follow the chain."""
        settings, stack = self.settings, self._stack
        if settings.nvs.source != "mirror":
            directory = build_directory(settings)
            stack.push_async_callback(directory.source.close)
            return directory
        mirror = build_mirror(settings)
        stack.push_async_callback(mirror.close)
        try:
            await mirror.start()
        except (MirrorBusy, MirrorUnusable) as error:
            raise SettingsError(f"data_dir: {error}") from None
        return build_directory(settings, mirror.reader())

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
        if pool.mode == "disabled":
            log.warning("sending is disabled", why=pool.disabled_because or "half-set gateways")
        if self.settings.nvs.source == "file" and not self.settings.nvs.file:
            log.warning("serving the sample records; set nvs.file or nvs.source")
        status = self.services.directory.source.status()
        if not status.ok or status.facts.get("skipped_names"):
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
