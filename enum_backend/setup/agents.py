"""Leased numbers, made from settings; the pool seeded from them."""

from __future__ import annotations

from contextlib import AsyncExitStack

import structlog

from enum_backend.agents.journal import AgentJournal, Record
from enum_backend.agents.metrics import AgentMetrics
from enum_backend.agents.model import DAY_MS
from enum_backend.agents.ownership import Ownership
from enum_backend.agents.provisioning import Provisioner
from enum_backend.agents.service import AgentService
from enum_backend.agents.simulation import Simulation
from enum_backend.errors import InvalidPhoneFormat, SettingsError
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.owners import DEFAULT_TENANT
from enum_backend.messaging.webhooks import WebhookService
from enum_backend.metrics import Metrics
from enum_backend.numbers.inventory import NumberInventory
from enum_backend.phone import normalize
from enum_backend.rounds import Rounds
from enum_backend.settings import Settings
from enum_backend.storage import Database, Sealer
from enum_backend.wakeups import INBOX, WakeUps

UPKEEP_SECONDS = 60.0

log = structlog.get_logger("enum_backend.agents")


async def build_agents(
    settings: Settings,
    database: Database,
    sealer: Sealer,
    pool: GatewayPool,
    numbers: NumberInventory,
    webhooks: WebhookService,
    metrics: Metrics,
    record: Record,
) -> AgentService:
    """Leased numbers, with the pool as the settings have it.

    Raises:
        SettingsError: a number, or the gateway to buy from, cannot be used.
    """
    own = settings.agents
    if own.provision and pool.registry.get(own.provision) is None:
        raise SettingsError(f"agents.provision: there is no gateway {own.provision!r}")
    wanted = _numbers(settings)
    journal = AgentJournal(record)
    ownership = Ownership(pool.registry, simulation=pool.mode == "simulation")
    agents = AgentService(
        database,
        sealer,
        own,
        ownership=ownership,
        simulation=Simulation(pool, webhooks),
        keep_ms=settings.retention.rows_days * DAY_MS,
        metrics=AgentMetrics(metrics.registry),
        journal=journal,
        provisioner=Provisioner(
            database,
            numbers,
            own,
            country=settings.default_region,
            on_bought=lambda c, caller, number: journal.number(c, caller, number, "BOUGHT"),
        ),
    )
    owners = await database.read(
        lambda c: {number: ownership.owner(c, number) or DEFAULT_TENANT for number in wanted}
    )
    if elsewhere := await agents.desk.seed(owners):
        log.warning("numbers of agents.numbers are in another tenant's pool", count=len(elsewhere))
    return agents


async def start_agents(agents: AgentService, stack: AsyncExitStack, wakeups: WakeUps) -> None:
    """Begin to wake waits and to look after leases; `stack` ends it."""
    stack.callback(wakeups.subscribe(INBOX, agents.notify))
    upkeep = Rounds("leases of agents", agents.desk.look_after, pause=UPKEEP_SECONDS)
    for task in (agents.room, upkeep):
        task.start()
        stack.push_async_callback(task.stop)
    stack.push_async_callback(agents.stop)
    await agents.prepare()


def _numbers(settings: Settings) -> list[str]:
    try:
        return list(
            dict.fromkeys(
                normalize(number, settings.default_region, field="agents.numbers")
                for number in settings.agents.numbers
            )
        )
    except InvalidPhoneFormat as error:
        raise SettingsError(error.message) from None
