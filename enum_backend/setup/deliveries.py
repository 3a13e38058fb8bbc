"""Inbound messages, made from settings: intake, owners, deliveries, streams."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from pydantic import SecretStr

from enum_backend.clock import now_ms
from enum_backend.egress import Egress
from enum_backend.gateways.providers import webhook_kinds
from enum_backend.mail import Mailer
from enum_backend.messaging.deliveries import endpoints
from enum_backend.messaging.deliveries.desk import DeliveryDesk
from enum_backend.messaging.deliveries.endpoints import SETTINGS, Endpoint
from enum_backend.messaging.deliveries.forward import SmsSender
from enum_backend.messaging.deliveries.mail import MailSender, load_template
from enum_backend.messaging.deliveries.model import Kind
from enum_backend.messaging.deliveries.retry import RetryPlan
from enum_backend.messaging.deliveries.tenant_secrets import TenantSecrets
from enum_backend.messaging.deliveries.webhook import WebhookSender
from enum_backend.messaging.deliveries.worker import DeliveryWorker, Sender
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.inbound import OnStored, Stored
from enum_backend.messaging.intake import Intake
from enum_backend.messaging.keeper import InboxKeeper
from enum_backend.messaging.notifications import Notifications
from enum_backend.messaging.owners import DEFAULT_TENANT, RecordClaims
from enum_backend.messaging.service import MessageService
from enum_backend.messaging.stream import InboxStreams
from enum_backend.messaging.webhooks import WebhookService
from enum_backend.metrics import Metrics
from enum_backend.settings import Settings
from enum_backend.storage import Database, Sealer
from enum_backend.wakeups import DELIVERIES, INBOX, WakeUps
from nvs.directory import Directory


@dataclass(frozen=True, slots=True)
class Inbound:
    """Everything that has to do with messages that come in."""

    webhooks: WebhookService
    worker: DeliveryWorker
    keeper: InboxKeeper
    streams: InboxStreams
    desk: DeliveryDesk
    egress: Egress
    notifications: Notifications

    async def start(self, stack: AsyncExitStack, wakeups: WakeUps) -> None:
        """Begin to work; `stack` ends it.

        Raises:
            DatabaseUnavailable: the queue cannot be read.
        """
        stack.push_async_callback(self.egress.close)
        await self.worker.start()
        stack.push_async_callback(self.worker.stop)
        stack.callback(wakeups.subscribe(DELIVERIES, self.worker.notify))
        await self.streams.start()
        stack.push_async_callback(self.streams.stop)
        stack.callback(wakeups.subscribe(INBOX, self.streams.notify))
        self.keeper.start()
        stack.push_async_callback(self.keeper.stop)


async def build_inbound(
    settings: Settings,
    database: Database,
    sealer: Sealer,
    pool: GatewayPool,
    directory: Directory,
    messages: MessageService,
    wakeups: WakeUps,
    metrics: Metrics,
    *,
    on_stored: Sequence[OnStored] = (),
) -> Inbound:
    """The parts, and the endpoints of the settings in the database.

    Raises:
        SettingsError: the mail template cannot be used.
        DatabaseUnavailable: the endpoints cannot be written.
    """
    options = settings.deliveries
    template = load_template(settings.smtp.template)
    egress = Egress(options.allow)
    tenant_secrets = TenantSecrets(sealer, _configured_secrets(settings))
    configured = _configured_endpoints(settings)
    await database.write(lambda c: endpoints.keep_configured(c, configured, now_ms()))

    def after_commit(gateway: str, stored: Sequence[Stored]) -> None:
        owners = [item.owner.reason for item in stored if item.owner is not None]
        metrics.inbound(gateway, owners)
        if any(item.is_new for item in stored):
            wakeups.publish(INBOX)
            # A follower of the inbox may have queued an answer, too.
            wakeups.publish(DELIVERIES)

    intake = Intake(sealer, options, on_stored)
    claims = RecordClaims(directory)
    senders: dict[Kind, Sender] = {
        Kind.WEBHOOK: WebhookSender(egress, options.timeout),
        Kind.EMAIL: MailSender(Mailer(settings.smtp), template),
        Kind.SMS: SmsSender(database, sealer, messages, pool.registry, options.forward_per_hour),
    }
    return Inbound(
        webhooks=WebhookService(
            database,
            pool,
            webhook_kinds(),
            intake,
            claims,
            on_event=metrics.webhook_event,
            after_commit=after_commit,
        ),
        worker=DeliveryWorker(
            database,
            sealer,
            senders,
            tenant_secrets.of,
            plan=RetryPlan(options.backoff),
            concurrency=options.concurrency,
            alone=not database.shared,
            on_outcome=metrics.delivery,
        ),
        keeper=InboxKeeper(database, intake, claims, pool.registry, after_commit=after_commit),
        streams=InboxStreams(database, sealer, options.stream_clients),
        desk=DeliveryDesk(
            database,
            sealer,
            egress,
            tenant_secrets,
            validity=options.validity,
            on_queued=partial(wakeups.publish, DELIVERIES),
        ),
        egress=egress,
        notifications=Notifications(database, sealer, pool.registry, claims),
    )


def _configured_endpoints(settings: Settings) -> list[Endpoint]:
    """The addresses that the settings name; `[[tenants]]` wins over `[deliveries]`."""
    own = settings.deliveries
    found = _endpoints(DEFAULT_TENANT, own.webhook_url, own.failover_url, own.email)
    for tenant in settings.tenants:
        found |= _endpoints(tenant.name, tenant.webhook_url, tenant.failover_url, tenant.email)
    return list(found.values())


def _endpoints(
    tenant: str, webhook_url: SecretStr, failover_url: SecretStr, email: str
) -> dict[str, Endpoint]:
    found = []
    if url := webhook_url.get_secret_value():
        second = failover_url.get_secret_value() or None
        found.append(_endpoint(tenant, Kind.WEBHOOK, url, second))
    if email:
        found.append(_endpoint(tenant, Kind.EMAIL, email, None))
    return {endpoint.id: endpoint for endpoint in found}


def _endpoint(tenant: str, kind: Kind, address: str, failover_url: str | None) -> Endpoint:
    return Endpoint(
        id=f"set:{tenant}:{kind}",
        tenant=tenant,
        kind=kind,
        address=address,
        failover_url=failover_url,
        source=SETTINGS,
    )


def _configured_secrets(settings: Settings) -> dict[str, tuple[str, ...]]:
    own = settings.deliveries
    found = {DEFAULT_TENANT: _texts(own.webhook_secret, own.previous_webhook_secret)}
    for tenant in settings.tenants:
        found[tenant.name] = _texts(tenant.webhook_secret) or found.get(tenant.name, ())
    return found


def _texts(*secrets: SecretStr) -> tuple[str, ...]:
    return tuple(text for text in (secret.get_secret_value() for secret in secrets) if text)
