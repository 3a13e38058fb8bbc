"""Prometheus metrics. Label values are bounded and hold no numbers, texts or secrets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """The metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.http_requests = Counter(
            "enum_backend_http_requests",
            "HTTP requests by route template",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.http_seconds = Histogram(
            "enum_backend_http_request_seconds",
            "Time to answer an HTTP request",
            ["route"],
            registry=self.registry,
        )
        self.dns_answers = Counter(
            "enum_backend_dns_answers",
            "DNS answers",
            ["transport", "qtype", "rcode"],
            registry=self.registry,
        )
        self.messages = Counter(
            "enum_backend_messages",
            "Outcomes of dispatching, one per attempt",
            ["gateway", "provider", "state"],
            registry=self.registry,
        )
        self.webhook_events = Counter(
            "enum_backend_webhook_events",
            "Events in proven webhook calls",
            ["gateway", "provider", "kind"],
            registry=self.registry,
        )
        self.inbound_messages = Counter(
            "enum_backend_inbound_messages",
            "New messages that came in, by the rule that found their owner or why there is none",
            ["gateway", "owner"],
            registry=self.registry,
        )
        self.deliveries = Counter(
            "enum_backend_deliveries",
            "Attempts to hand inbound messages to their owners",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self.deliveries_waiting = Gauge(
            "enum_backend_deliveries_waiting",
            "Deliveries that are queued, and dead letters",
            ["state"],
            registry=self.registry,
        )
        self.spend_alerts = Counter(
            "enum_backend_spend_alerts",
            "Daily spend limits that were neared, by what they are of and per cent",
            ["scope", "level"],
            registry=self.registry,
        )
        self.verifications_started = Counter(
            "enum_backend_verifications_started",
            "Codes that were asked for: sent, resent, or the error code of the refusal",
            ["purpose", "result"],
            registry=self.registry,
        )
        self.verifications_checked = Counter(
            "enum_backend_verifications_checked",
            "Codes that were checked, by result",
            ["purpose", "result"],
            registry=self.registry,
        )
        self.fraud_decisions = Counter(
            "enum_backend_fraud_decisions",
            "What the fraud guard said of codes that were asked for",
            ["verdict"],
            registry=self.registry,
        )
        self.pending = Gauge(
            "enum_backend_messages_pending",
            "Messages not yet handed to a provider",
            ["state"],
            registry=self.registry,
        )
        self.nvs_ok = Gauge(
            "enum_backend_nvs_ok", "1 while the record source works", registry=self.registry
        )
        self.redis_ok = Gauge(
            "enum_backend_redis_ok",
            "1 while Redis answers; 1 also where none is configured",
            registry=self.registry,
        )
        self.redis_ok.set(1)
        # Finding a child takes longer than counting.
        self._http_count = cache(
            lambda method, route, status: self.http_requests.labels(method, route, str(status))
        )
        self._http_time = cache(self.http_seconds.labels)

    def http_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one HTTP request and its time."""
        self._http_count(method, route, status).inc()
        self._http_time(route).observe(seconds)

    def dns_answer(self, transport: str, qtype: str, rcode: str) -> None:
        """Count one DNS answer."""
        self.dns_answers.labels(transport, qtype, rcode).inc()

    def outcome(self, gateway: str, provider: str, state: str) -> None:
        """Count one outcome of the dispatcher."""
        self.messages.labels(gateway, provider, state).inc()

    def webhook_event(self, gateway: str, provider: str, kind: str) -> None:
        """Count one event of a provider's call."""
        self.webhook_events.labels(gateway, provider, kind).inc()

    def inbound(self, gateway: str, owners: Iterable[str]) -> None:
        """Count new messages, each by the rule that found its owner."""
        for owner in owners:
            self.inbound_messages.labels(gateway, owner).inc()

    def delivery(self, kind: str, outcome: str) -> None:
        """Count one attempt to deliver."""
        self.deliveries.labels(kind, outcome).inc()

    def spend_alert(self, scope: str, level: int) -> None:
        """Count one spend limit that was neared."""
        self.spend_alerts.labels(scope, str(level)).inc()

    def verification_started(self, purpose: str, result: str) -> None:
        """Count one code that was asked for."""
        self.verifications_started.labels(purpose, result).inc()

    def verification_checked(self, purpose: str, result: str) -> None:
        """Count one code that was checked."""
        self.verifications_checked.labels(purpose, result).inc()

    def fraud_decision(self, verdict: str) -> None:
        """Count one decision of the fraud guard."""
        self.fraud_decisions.labels(verdict).inc()

    def render(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)
