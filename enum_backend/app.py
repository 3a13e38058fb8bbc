"""Puts the parts together. Nothing else does."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from enum_backend.access import KeyStore
from enum_backend.audit import AuditLog
from enum_backend.audit.sealing import ChainKeeper
from enum_backend.dns.responder import Responder
from enum_backend.dns.server import DnsServer
from enum_backend.dns.zone import Zone
from enum_backend.egress import Egress
from enum_backend.errors import SettingsError
from enum_backend.extensions import Extension, load_extensions
from enum_backend.logs import protocol_log
from enum_backend.messaging.accepting import AcceptRules
from enum_backend.messaging.dispatcher import Dispatcher
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.lists import MessageLists
from enum_backend.messaging.pricing import Pricing
from enum_backend.messaging.retention import Retention
from enum_backend.messaging.service import MessageService
from enum_backend.metrics import Metrics
from enum_backend.numbers.follow import OrderFollower
from enum_backend.rounds import Rounds
from enum_backend.settings import LoadedSettings, Settings
from enum_backend.settings.models import ZoneSettings
from enum_backend.setup.accounts import build_accounts
from enum_backend.setup.agents import build_agents, start_agents
from enum_backend.setup.deliveries import build_inbound
from enum_backend.setup.following import ChainDuty, mirror_topic
from enum_backend.setup.gateways import build_pool
from enum_backend.setup.messaging import (
    build_announcer,
    build_explainer,
    build_keywords,
    build_router,
)
from enum_backend.setup.numbers import build_classifier, build_inventory, build_prices
from enum_backend.setup.phones import build_webhook_keeper, remember_sends
from enum_backend.setup.places import (
    database_url,
    hold_places,
    local_address,
    local_url,
    prepare_data_dir,
)
from enum_backend.setup.records import build_directory, build_mirror
from enum_backend.setup.sharing import open_sharing
from enum_backend.setup.shims import recorded_by_server
from enum_backend.setup.tenants import settle_tenants
from enum_backend.setup.trust import TrustJournal
from enum_backend.setup.verification import (
    build_code_texts,
    build_guard,
    build_pruner,
    build_swaps,
    build_verification,
)
from enum_backend.setup.watching import WatchDuty
from enum_backend.shim_tokens import ShimTokenStore
from enum_backend.storage import Sealer
from enum_backend.storage.database import is_shared
from enum_backend.storage.sealing import load_server_key
from enum_backend.tenants.numbers import TenantNumbers
from enum_backend.tenants.store import TenantStore, ceilings
from enum_backend.wakeups import OUTBOX
from enum_backend.web.application import KEEP_ALIVE_SECONDS, MAX_LINE_OCTETS, create_application
from enum_backend.web.runner import ProblemRunner
from enum_backend.web.services import Services
from nvs.directory import Directory
from nvs.mirror import MirrorBusy, MirrorUnusable

if TYPE_CHECKING:
    from enum_backend.storage.leadership import Duty, Leadership

log = structlog.get_logger("enum_backend.app")

SHUTDOWN_SECONDS = 5.0
BINDINGS_SECONDS = 5.0
"""How late at most a change that another process makes to the bindings of numbers counts here."""


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
        self._following: Leadership | None = None

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
        stack.callback(hold_places(settings).close)
        stack.push_async_callback(pool.registry.close)
        sealer = Sealer(load_server_key(settings.server_key.get_secret_value(), data_dir))
        sharing = await open_sharing(settings, sealer, stack)
        database, wakeups = sharing.database, sharing.wakeups
        audit = AuditLog(database, sealer)
        directory = await self._open_records(audit)
        await settle_tenants(settings, pool.registry, database)
        remember_sends(pool, database)
        metrics = Metrics()
        egress = Egress()
        stack.push_async_callback(egress.close)
        announcer = build_announcer(settings, database, metrics, egress)
        code_texts = build_code_texts(settings, database, sealer)
        dispatcher = Dispatcher(
            database,
            sealer,
            pool,
            settings.dispatch,
            alone=not database.shared,
            texts=code_texts,
            pricing=Pricing(pool, prices),
            on_outcome=metrics.outcome,
        )
        stack.callback(wakeups.subscribe(OUTBOX, dispatcher.notify, dispatcher.notify_later))
        router = build_router(settings, directory, pool, database, prices)
        rules = AcceptRules(settings.limits, ceilings)
        messages = MessageService(
            database,
            sealer,
            router,
            pool,
            rules=rules,
            dispatch=settings.dispatch,
            test_numbers=settings.test_numbers,
            policy=settings.policy,
            texts=settings.messages,
            pricing=Pricing(pool, prices),
            client_limits=sharing.client_limits,
            on_accepted=partial(wakeups.publish, OUTBOX),
        )
        keys = KeyStore(database)
        guard = build_guard(settings, database, metrics, audit.record_in)
        swaps = build_swaps(settings, pool, prices, database)
        verification = build_verification(
            settings, database, messages, guard, code_texts, metrics, swaps
        )
        numbers = await build_inventory(settings, pool, prices, database, sealer, messages)
        inbound = await build_inbound(
            settings,
            database,
            sealer,
            pool,
            directory,
            messages,
            wakeups,
            metrics,
            on_stored=(build_keywords(settings, sealer).handle,),
        )
        agents = await build_agents(
            settings,
            database,
            sealer,
            pool,
            numbers,
            inbound.webhooks,
            metrics,
            audit.record_in,
        )
        accounts = build_accounts(
            settings, database, sealer, verification=verification, messages=messages, audit=audit
        )
        stack.push_async_callback(accounts.stop)
        self.services = Services(
            settings=settings,
            directory=directory,
            pool=pool,
            router=router,
            messages=messages,
            explainer=build_explainer(
                settings,
                database,
                router,
                pool,
                prices,
                rules=rules,
                client_limits=sharing.client_limits,
            ),
            dispatcher=dispatcher,
            keys=keys,
            tenants=TenantStore(database, on_change=keys.forget),
            tenant_numbers=TenantNumbers(database, sealer, on_change=numbers.store.load),
            lists=MessageLists(database, sealer),
            shim_tokens=ShimTokenStore(database, sealer, recorded_by_server(audit)),
            database=database,
            metrics=metrics,
            webhooks=inbound.webhooks,
            deliveries=inbound.desk,
            delivery_worker=inbound.worker,
            streams=inbound.streams,
            notifications=inbound.notifications,
            client_limits=sharing.client_limits,
            wakeups=wakeups,
            redis=sharing.redis,
            following=self._following,
            public_url=settings.public_base_url
            or f"http://{local_address(settings.http.host)}:{settings.http.port}",
            numbers=numbers,
            classifier=build_classifier(settings, pool, prices, database),
            prices=prices,
            agents=agents,
            audit=audit,
            verification=verification,
            accounts=accounts,
            fraud=guard,
        )
        await dispatcher.start()
        stack.push_async_callback(dispatcher.stop)
        announcer.start()
        stack.push_async_callback(announcer.stop)
        await inbound.start(stack, wakeups)
        await start_agents(agents, stack, wakeups)
        self.dns_port = await self._start_dns(directory, metrics)
        self.http_port = await self._start_http()
        await self._start_watchers(pool, sealer)
        log.info(
            "started",
            mode=pool.mode,
            http=self.http_url,
            dns=f"{settings.dns.host}:{self.dns_port}",
            gateways=[gateway.name for gateway in pool.registry],
        )
        self._log_warnings(pool)

    async def _start_watchers(self, pool: GatewayPool, sealer: Sealer) -> None:
        """What goes on beside the server and never holds it up: orders, webhooks of phones."""
        follower = OrderFollower(self.services.numbers)
        keeper = build_webhook_keeper(self.settings, pool)
        services, data_dir = self.services, self.settings.data_dir
        chain = ChainKeeper(services.database, sealer, services.audit, data_dir)
        retention = Retention(services.database, self.settings.retention)
        pruner = build_pruner(services.verification)
        duty = WatchDuty((follower, keeper, chain, retention, pruner))
        self._stack.push_async_callback(duty.leave)
        if not self.services.database.shared:
            await duty.take()
            return
        refresher = Rounds(
            "bindings", self.services.numbers.store.load, pause=BINDINGS_SECONDS, at_once=False
        )
        refresher.start()
        self._stack.push_async_callback(refresher.stop)
        await self._lead("watchers", duty)

    async def _open_records(self, audit: AuditLog) -> Directory:
        """The records; with a mirror, its writer begins to follow the chain."""
        settings, stack = self.settings, self._stack
        journal = TrustJournal(audit)
        stack.push_async_callback(journal.close)
        if settings.nvs.source != "mirror":
            directory = build_directory(settings, on_alert=journal)
            stack.push_async_callback(directory.source.close)
            return directory
        if is_shared(database_url(settings)):
            return await self._share_mirror(journal)
        mirror = build_mirror(settings)
        stack.push_async_callback(mirror.close)
        try:
            await mirror.start()
        except (MirrorBusy, MirrorUnusable) as error:
            raise SettingsError(f"data_dir: {error}") from None
        return build_directory(settings, mirror.reader(), on_alert=journal)

    async def _share_mirror(self, journal: TrustJournal) -> Directory:
        """The mirror that one of several processes writes."""
        duty = ChainDuty(self.settings)
        self._stack.push_async_callback(duty.close)
        directory = build_directory(self.settings, duty.reader, on_alert=journal)
        self._following = await self._lead(mirror_topic(self.settings.data_dir), duty)
        return directory

    async def _lead(self, topic: str, duty: Duty) -> Leadership:
        """Do a duty that one of the processes of a shared database does at a time."""
        from enum_backend.storage.leadership import Leadership

        leadership = Leadership(database_url(self.settings), topic, duty)
        self._stack.push_async_callback(leadership.close)
        await leadership.start()
        return leadership

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
        runner = ProblemRunner(
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
