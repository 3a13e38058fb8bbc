"""Verification, made from settings."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from enum_backend.audit.model import AuditEvent
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.service import MessageService
from enum_backend.metrics import Metrics
from enum_backend.numbers.lookups import LookupBudget
from enum_backend.numbers.prices import PriceList
from enum_backend.numbers.sim_swaps import ProviderSimSwaps
from enum_backend.rounds import Rounds
from enum_backend.settings import Settings
from enum_backend.storage import Database, Sealer
from enum_backend.verification.fraud.guard import FraudGuard
from enum_backend.verification.rendering import CodeTexts
from enum_backend.verification.service import VerificationService
from enum_backend.verification.store import Codes
from enum_backend.verification.swaps import SimSwaps
from enum_backend.verification.texts import load_texts

PRUNE_SECONDS = 3600.0


def build_code_texts(settings: Settings, database: Database, sealer: Sealer) -> CodeTexts:
    """What makes the texts of codes, for the dispatcher and for verification.

    Raises:
        SettingsError: the texts cannot be used.
    """
    own = settings.verification
    codes = Codes(sealer, own.test_code.get_secret_value())
    return CodeTexts(database, codes, load_texts(own.texts_file, own.locale))


def build_guard(
    settings: Settings,
    database: Database,
    metrics: Metrics,
    record: Callable[[Connection, AuditEvent], None],
) -> FraudGuard:
    """The fraud guard."""
    return FraudGuard(
        database,
        settings.verification.fraud,
        record=record,
        on_decision=lambda decision: metrics.fraud_decision(decision.verdict),
    )


def build_swaps(
    settings: Settings, pool: GatewayPool, prices: PriceList, database: Database
) -> ProviderSimSwaps:
    """Who is asked for SIM swaps; a simulation asks, and pays, nobody."""
    budget = LookupBudget(database, prices, ceiling=settings.limits.daily_cost)
    return ProviderSimSwaps(pool.registry, budget, may_ask=pool.mode == "live")


def build_verification(
    settings: Settings,
    database: Database,
    messages: MessageService,
    guard: FraudGuard,
    code_texts: CodeTexts,
    metrics: Metrics,
    swaps: SimSwaps,
) -> VerificationService:
    """Verification.

    Raises:
        SettingsError: the name or the domain cannot stand in a text.
    """
    return VerificationService(
        database,
        messages,
        settings.verification,
        guard,
        code_texts,
        limits=settings.limits,
        test_numbers=settings.test_numbers,
        swaps=swaps,
        on_started=metrics.verification_started,
        on_checked=metrics.verification_checked,
    )


def build_pruner(verification: VerificationService) -> Rounds:
    """Forgets old verifications and decisions, now and then."""
    return Rounds("verification", verification.prune, pause=PRUNE_SECONDS)
