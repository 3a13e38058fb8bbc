"""How messages are routed, explained and answered, made from settings."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from enum_backend.egress import Egress
from enum_backend.errors import SettingsError
from enum_backend.mail import Mailer
from enum_backend.messaging.accepting import AcceptRules
from enum_backend.messaging.deliveries.queue import add_sms
from enum_backend.messaging.explaining import Explainer
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.limits import ClientLimits
from enum_backend.messaging.policy.alert_ways import EmailWay, WebhookWay
from enum_backend.messaging.policy.announcer import Announcer, Way
from enum_backend.messaging.policy.keywords import Keywords
from enum_backend.messaging.policy.sticky import StickySenders
from enum_backend.messaging.policy.word_list import Vocabulary, load_words
from enum_backend.messaging.pricing import Pricing
from enum_backend.messaging.routing import Router
from enum_backend.metrics import Metrics
from enum_backend.numbers.prices import PriceList
from enum_backend.settings import Settings
from enum_backend.storage import Database, Sealer
from nvs.directory import Directory


def build_router(
    settings: Settings,
    directory: Directory,
    pool: GatewayPool,
    database: Database,
    prices: PriceList,
) -> Router:
    """The router, with the strategies and the memory that the settings want."""
    routing = settings.routing
    return Router(
        directory,
        pool,
        fallback=routing.fallback,
        prefixes=routing.prefixes,
        strategy=routing.strategy,
        sticky=routing.sticky,
        known=StickySenders(database, routing.sticky_window),
        pricing=Pricing(pool, prices),
    )


def build_explainer(
    settings: Settings,
    database: Database,
    router: Router,
    pool: GatewayPool,
    prices: PriceList,
    *,
    rules: AcceptRules,
    client_limits: ClientLimits | None = None,
) -> Explainer:
    """What explains messages by the rules they are accepted by."""
    return Explainer(
        database,
        router,
        pool,
        rules=rules,
        pricing=Pricing(pool, prices),
        policy=settings.policy,
        texts=settings.messages,
        client_limits=client_limits,
        test_numbers=settings.test_numbers,
    )


def build_keywords(settings: Settings, sealer: Sealer) -> Keywords:
    """What acts on STOP, START and HELP; its `handle` follows the inbox.

    Raises:
        SettingsError: the word list cannot be used.
    """
    file = settings.keywords.file
    words = load_words(Path(file) if file else None)
    return Keywords(
        settings.keywords,
        Vocabulary(words, settings.keywords),
        partial(add_sms, sealer=sealer),
    )


def build_announcer(
    settings: Settings, database: Database, metrics: Metrics, egress: Egress
) -> Announcer:
    """What tells of spend limits that come near.

    Args:
        egress: closed by the caller.

    Raises:
        SettingsError: mail is wanted, but no mail server is set.
    """
    chosen = settings.alerts
    mailer = Mailer(settings.smtp)
    if chosen.email and not mailer.usable:
        raise SettingsError("alerts.email: needs smtp.host and smtp.from")
    ways: list[Way] = [
        EmailWay(f"email-{place}", mailer, address)
        for place, address in enumerate(chosen.email, start=1)
    ]
    if url := chosen.webhook.get_secret_value():
        ways.append(WebhookWay(egress, url, chosen.webhook_secret.get_secret_value()))
    return Announcer(database, ways, on_alert=metrics.spend_alert)
