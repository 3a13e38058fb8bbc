"""Prometheus metrics. Label values are bounded and hold no numbers, texts or secrets."""

from __future__ import annotations

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
        self.pending = Gauge(
            "enum_backend_messages_pending",
            "Messages not yet handed to a provider",
            ["state"],
            registry=self.registry,
        )
        self.nvs_ok = Gauge(
            "enum_backend_nvs_ok", "1 while the record source works", registry=self.registry
        )

    def dns_answer(self, transport: str, qtype: str, rcode: str) -> None:
        """Count one DNS answer."""
        self.dns_answers.labels(transport, qtype, rcode).inc()

    def outcome(self, gateway: str, provider: str, state: str) -> None:
        """Count one outcome of the dispatcher."""
        self.messages.labels(gateway, provider, state).inc()

    def webhook_event(self, gateway: str, provider: str, kind: str) -> None:
        """Count one event of a provider's call."""
        self.webhook_events.labels(gateway, provider, kind).inc()

    def render(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)
