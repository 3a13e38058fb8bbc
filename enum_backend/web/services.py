"""What request handlers and extensions work with."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from enum_backend.access import KeyStore
from enum_backend.messaging.dispatcher import Dispatcher
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.service import MessageService
from enum_backend.messaging.webhooks import WebhookService
from enum_backend.metrics import Metrics
from enum_backend.numbers.classify import Classifier
from enum_backend.numbers.inventory import NumberInventory
from enum_backend.numbers.prices import PriceList
from enum_backend.settings import Settings
from enum_backend.shim_tokens import ShimTokenStore
from enum_backend.storage import Database
from enum_backend.web.call_limits import CallLimiter
from nvs.directory import Directory


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running server, put together by `enum_backend.app`.

    Attributes:
        public_url: how the outside reaches us, as configured; never from a request.
    """

    settings: Settings
    directory: Directory
    pool: GatewayPool
    messages: MessageService
    dispatcher: Dispatcher
    keys: KeyStore
    shim_tokens: ShimTokenStore
    database: Database
    metrics: Metrics
    webhooks: WebhookService
    webhook_limiter: CallLimiter
    public_url: str
    numbers: NumberInventory
    classifier: Classifier
    prices: PriceList


SERVICES = web.AppKey("services", Services)
