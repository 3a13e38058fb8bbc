"""What request handlers and extensions work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from enum_backend.access import KeyStore
from enum_backend.accounts import AccountService
from enum_backend.agents.service import AgentService
from enum_backend.audit import AuditLog
from enum_backend.messaging.client_limits import ClientLimiter
from enum_backend.messaging.deliveries.desk import DeliveryDesk
from enum_backend.messaging.deliveries.worker import DeliveryWorker
from enum_backend.messaging.dispatcher import Dispatcher
from enum_backend.messaging.explaining import Explainer
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.lists import MessageLists
from enum_backend.messaging.notifications import Notifications
from enum_backend.messaging.routing import Router
from enum_backend.messaging.service import MessageService
from enum_backend.messaging.stream import InboxStreams
from enum_backend.messaging.webhooks import WebhookService
from enum_backend.metrics import Metrics
from enum_backend.numbers.classify import Classifier
from enum_backend.numbers.inventory import NumberInventory
from enum_backend.numbers.prices import PriceList
from enum_backend.settings import Settings
from enum_backend.shim_tokens import ShimTokenStore
from enum_backend.storage import Database
from enum_backend.tenants.numbers import TenantNumbers
from enum_backend.tenants.store import TenantStore
from enum_backend.verification import VerificationService
from enum_backend.verification.fraud.guard import FraudGuard
from enum_backend.wakeups import WakeUps
from nvs.directory import Directory

if TYPE_CHECKING:
    from enum_backend.redis_link import RedisLink
    from enum_backend.storage.leadership import Leadership


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running server, put together by `enum_backend.app`.

    Attributes:
        redis: None = none is configured.
        following: who follows the chain, when several processes share a database.
        public_url: how the outside reaches us, as configured; never from a request.
    """

    settings: Settings
    directory: Directory
    pool: GatewayPool
    router: Router
    messages: MessageService
    explainer: Explainer
    dispatcher: Dispatcher
    keys: KeyStore
    tenants: TenantStore
    tenant_numbers: TenantNumbers
    lists: MessageLists
    shim_tokens: ShimTokenStore
    database: Database
    metrics: Metrics
    webhooks: WebhookService
    deliveries: DeliveryDesk
    delivery_worker: DeliveryWorker
    streams: InboxStreams
    notifications: Notifications
    client_limits: ClientLimiter
    wakeups: WakeUps
    redis: RedisLink | None
    following: Leadership | None
    public_url: str
    numbers: NumberInventory
    classifier: Classifier
    prices: PriceList
    agents: AgentService
    audit: AuditLog
    verification: VerificationService
    accounts: AccountService
    fraud: FraudGuard


SERVICES = web.AppKey("services", Services)
