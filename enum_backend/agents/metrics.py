"""Metrics of leased numbers; no label holds a number, a key or a text."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

WAKE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class AgentMetrics:
    """What agents do, in a server's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.leases = Counter(
            "enum_backend_agent_leases",
            "Leases: started, renewed, released, withdrawn, refused, exhausted",
            ["event"],
            registry=registry,
        )
        self.waits = Counter(
            "enum_backend_agent_waits",
            "Waits by how they ended: message, timeout, ended (lease), gone (client), failed",
            ["outcome"],
            registry=registry,
        )
        self.wake_seconds = Histogram(
            "enum_backend_agent_wake_seconds",
            "From the arrival of a message to the answer of a wait that was there before it",
            registry=registry,
            buckets=WAKE_BUCKETS,
        )
        self.waiting = Gauge(
            "enum_backend_agent_waiting", "Waits under way in this process", registry=registry
        )
        self.numbers = Gauge(
            "enum_backend_agent_numbers",
            "Numbers of the pool by how they stand",
            ["status"],
            registry=registry,
        )
