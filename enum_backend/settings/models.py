"""Every setting, its type, its default and what it means.

The docs' settings table is checked against these models, so a new setting
needs a description here and a line there.
"""

from __future__ import annotations

import ipaddress
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import phonenumbers
from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from enum_backend.errors import InvalidPhoneFormat
from enum_backend.phone import DEFAULT_REGION, normalize
from enum_backend.settings.accounts import AccountSettings
from enum_backend.settings.agents import AgentSettings
from enum_backend.settings.base import MOST, Seconds, Section, TextList, text_list
from enum_backend.settings.database import DatabaseSettings
from enum_backend.settings.deliveries import DeliverySettings
from enum_backend.settings.policy import (
    AlertSettings,
    KeywordSettings,
    PolicySettings,
    Strategy,
    TextSettings,
)
from enum_backend.settings.redis import RedisLost, RedisSettings
from enum_backend.settings.retention import RetentionSettings
from enum_backend.settings.smtp import SmtpSettings
from enum_backend.settings.tenants import TenantSettings, each_once
from enum_backend.settings.verification import VerificationSettings

RESERVED = frozenset({"dns.workers"})
"""Accepted, so that one file serves several versions, but without effect in this one."""


class HttpSettings(Section):
    """The HTTP server."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port, 0 = any free one")
    trusted_proxies: TextList = Field(
        (), description="addresses or networks whose X-Forwarded-For is believed"
    )
    webhooks_per_minute: int = Field(
        1200, ge=0, description="provider calls of one address to one webhook, 0 = no limit"
    )
    max_body: int = Field(65536, ge=1024, description="largest request body, octets")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                ipaddress.ip_network(proxy, strict=False)
            except ValueError:
                raise ValueError(
                    f"expected addresses or networks such as 10.0.0.0/8, got {proxy[:45]!r}"
                ) from None
        return proxies


class ZoneSettings(Section):
    """One DNS zone, when a bare name does not say enough."""

    name: str = Field(description="apex, e.g. e164.arpa")
    undotted: bool = Field(False, description="also accept reversed labels without dots")


class DnsSettings(Section):
    """The authoritative DNS server."""

    host: str = Field("127.0.0.1", description="address to listen on (UDP and TCP)")
    port: int = Field(5300, ge=0, le=65535, description="port, 0 = any free one")
    zones: Annotated[tuple[str | ZoneSettings, ...], BeforeValidator(text_list)] = Field(
        ("e164.arpa",), description="apexes answered from the records"
    )
    publish: Literal["trusted", "all"] = Field(
        "trusted", description="which entries DNS answers from: attested and better, or all"
    )
    nameservers: TextList = Field(
        ("localhost.",), min_length=1, description="NS names; the first is the SOA's primary"
    )
    hostmaster: str = Field("hostmaster.localhost.", description="SOA mailbox as a domain name")
    negative_ttl: int = Field(300, ge=0, le=86400, description="SOA MINIMUM, seconds")
    workers: int = Field(0, ge=0, description="extra read-only DNS processes")

    @field_validator("zones")
    @classmethod
    def _not_empty(cls, zones: tuple[str | ZoneSettings, ...]) -> tuple[str | ZoneSettings, ...]:
        if not zones:
            raise ValueError("expected at least one zone")
        return zones


class RpcSettings(Section):
    """The Emercoin node."""

    url: SecretStr = Field(
        SecretStr("http://127.0.0.1:6662"), description="http://user:password@host:port of the node"
    )
    cookie_file: str = Field("", description="the node's .cookie file, instead of a password")
    timeout: Seconds = Field(5.0, gt=0, le=60, description="longest wait for one call")
    cache_ttl: Seconds = Field(30.0, description="how long a record read is kept")
    negative_ttl: Seconds = Field(10.0, description="how long an absent record is kept")
    poll: Seconds = Field(5.0, gt=0, description="pause between looks at the best block (mirror)")
    zmq: str = Field("", description="the node's zmqpubhashblock address (mirror)")


class NvsSettings(Section):
    """Where records come from."""

    source: Literal["file", "rpc", "mirror"] = Field(
        "file", description="file, rpc (ask the node) or mirror (follow the chain)"
    )
    file: str = Field("", description="records file, empty = the sample records")
    trust: Literal["operator", "untrusted"] = Field(
        "operator", description="trust of every entry of a records file"
    )
    serve_stale: Seconds = Field(
        3600.0, description="how long known records outlive an unreachable node"
    )
    tollfree: str = Field(
        "", description="toll-free rules: a name such as enum:tollfree, or a file"
    )
    rpc: RpcSettings = RpcSettings()


class OwnerSettings(Section):
    """An owner address that may speak for numbers."""

    address: str = Field(min_length=1, description="Emercoin address that owns the names")
    tenant: str = Field("default", min_length=1, description="tenant it acts for")
    numbers: TextList = Field((), description="number prefixes it may speak for")

    @field_validator("numbers")
    @classmethod
    def _prefixes(cls, numbers: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in numbers:
            if not re.fullmatch(r"\+[0-9]{1,15}", prefix, re.ASCII):
                raise ValueError(f"expected prefixes such as +1415555, got {prefix[:20]!r}")
        return numbers


class TrustSettings(Section):
    """Who is believed."""

    owners: tuple[OwnerSettings, ...] = Field((), description="owner addresses and their prefixes")
    verifiers: TextList = Field((), description="verifier names whose SIG counts")
    max_age: Seconds = Field(7200.0, description="age of the mirror at which trust ends")
    require_signer: Literal["always", "when_known", "never"] = Field(
        "when_known",
        description="whether a listed owner must have signed the value: always, when_known"
        " (not where the node cannot tell), never",
    )


class LimitSettings(Section):
    """Ceilings; 0 switches one off."""

    per_recipient_hour: int = Field(
        5, ge=0, le=MOST, description="messages to one number in an hour"
    )
    per_recipient_day: int = Field(
        20, ge=0, le=MOST, description="messages to one number in 24 hours"
    )
    per_client_minute: int = Field(
        10, ge=0, le=MOST, description="messages of one API key in a minute"
    )
    daily_cost: Decimal = Field(Decimal("50.00"), ge=0, le=MOST, description="USD in 24 hours")
    shim_per_minute: int = Field(
        60, ge=0, le=MOST, description="messages of one shim token in a minute"
    )
    redis_lost: RedisLost = Field(
        {},
        description="while Redis is lost: open = each process counts by itself, closed = refuse "
        "(REDIS_UNAVAILABLE); one word, or one per limit counted there",
    )


class PrefixRoute(Section):
    """A chain for numbers that start with a prefix."""

    prefix: str = Field(pattern=r"^\+[0-9]{1,15}$", description="such as +44")
    chain: TextList = Field(min_length=1, description="gateways, first to last")
    strategy: Strategy | None = Field(
        None, description="how its chain is ordered, unset = routing.strategy"
    )


class RoutingSettings(Section):
    """Which gateway carries a message."""

    default: TextList = Field((), description="default chain; empty = every gateway, as declared")
    fallback: bool = Field(True, description="let the default chain follow steps 1 to 4")
    strategy: Strategy = Field(
        "priority",
        description="order of the default chain: priority (as declared), least_cost, round_robin",
    )
    sticky: bool | None = Field(
        None,
        description="keep a recipient at the number it knows; unset = where gateways take turns",
    )
    sticky_window: Seconds = Field(
        2_592_000.0, description="how long a recipient's number is remembered after a message"
    )
    prefixes: tuple[PrefixRoute, ...] = Field((), description="chains by number prefix")


class DispatchSettings(Section):
    """How accepted messages leave."""

    concurrency: int = Field(32, ge=1, le=1000, description="requests at once per gateway")
    max_attempts: int = Field(4, ge=1, le=50, description="attempts at one gateway")
    backoff: Seconds = Field(2.0, gt=0, description="first pause before a repeat, doubling")
    validity: Seconds = Field(14400.0, gt=0, description="life of a message")
    code_validity: Seconds = Field(300.0, gt=0, description="life of a message that holds a code")


class Settings(Section):
    """All settings."""

    mode: Literal["disabled", "simulation", "live"] | None = Field(
        None, description="disabled, simulation or live; derived from the gateways when not set"
    )
    data_dir: Path = Field(Path("./data"), description="database, keys, locks")
    public_base_url: str = Field("", description="how the outside reaches this server")
    public_failover_url: str = Field(
        "", description="second way to reach this server, for providers that know one"
    )
    prices_file: str = Field("", description="price list (TOML), empty = config/prices.toml")
    default_region: str = Field(
        DEFAULT_REGION, pattern=r"^[A-Z]{2}$", description="country of numbers without +"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least severity that is logged"
    )
    server_key: SecretStr = Field(
        SecretStr(""), description="32 octets in base64; empty = kept in data_dir"
    )
    test_numbers: TextList = Field((), description="numbers never sent to and exempt from limits")
    http: HttpSettings = HttpSettings()
    dns: DnsSettings = DnsSettings()
    nvs: NvsSettings = NvsSettings()
    trust: TrustSettings = TrustSettings()
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    limits: LimitSettings = LimitSettings()
    routing: RoutingSettings = RoutingSettings()
    dispatch: DispatchSettings = DispatchSettings()
    policy: PolicySettings = PolicySettings()
    keywords: KeywordSettings = KeywordSettings()
    messages: TextSettings = TextSettings()
    alerts: AlertSettings = AlertSettings()
    gateways: dict[str, dict[str, Any]] = Field({}, description="one table per gateway")
    tenants: tuple[TenantSettings, ...] = Field((), description="owners of numbers and keys")
    deliveries: DeliverySettings = DeliverySettings()
    smtp: SmtpSettings = SmtpSettings()
    accounts: AccountSettings = AccountSettings()
    retention: RetentionSettings = RetentionSettings()
    verification: VerificationSettings = VerificationSettings()
    agents: AgentSettings = AgentSettings()

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @field_validator("public_base_url", "public_failover_url")
    @classmethod
    def _http_url(cls, url: str) -> str:
        if not url:
            return url
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        plain = not (parts.query or parts.fragment or "@" in parts.netloc) if host else False
        if not plain or parts.scheme not in {"https", "http"} or re.search(r"[\s{}]", url):
            raise ValueError("expected https://HOST (or http:// for tests), without user or query")
        return url.rstrip("/")

    @field_validator("default_region")
    @classmethod
    def _known_region(cls, region: str) -> str:
        if region not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("expected a country of ISO 3166 that has phone numbers, such as GB")
        return region

    @field_validator("tenants")
    @classmethod
    def _tenants_once(cls, tenants: tuple[TenantSettings, ...]) -> tuple[TenantSettings, ...]:
        each_once(tenants)
        return tenants

    @field_validator("test_numbers")
    @classmethod
    def _e164(cls, numbers: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        region = info.data.get("default_region", DEFAULT_REGION)
        try:
            return tuple(normalize(number, region) for number in numbers)
        except InvalidPhoneFormat as error:
            raise ValueError(error.message) from None
