from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from enum_backend.settings.base import seconds, text_list
from enum_backend.settings.models import Settings


def load(**values: Any) -> Settings:
    return Settings.model_validate(values)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2h", 7200), ("30m", 1800), ("10s", 10), ("1d", 86400), ("15", 15), (" 1.5 h", 5400)],
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value
    assert load(trust={"max_age": text}).trust.max_age == value


@pytest.mark.parametrize(
    "value", ["", "2 weeks", "-1s", "1h30m", "٣s", -1, float("inf"), float("nan"), "9" * 30, 1e18]
)
def test_durations_that_are_none(value: object) -> None:
    with pytest.raises(ValidationError):
        load(nvs={"serve_stale": value})
    with pytest.raises(ValidationError):
        load(dispatch={"validity": value})


def test_text_list() -> None:
    assert text_list(" a, b,,c ") == ["a", "b", "c"]
    assert text_list(("a",)) == ("a",)


@pytest.mark.parametrize(
    "values",
    [
        {"http": {"port": 65536}},
        {"http": {"port": -1}},
        {"http": {"trusted_proxies": ["10.0.0.0/8", "10.0.0"]}},
        {"dns": {"zones": []}},
        {"dns": {"nameservers": []}},
        {"mode": "dry"},
        {"log_level": "loud"},
        {"log_level": 5},
        {"default_region": "us"},
        {"default_region": "UK"},
        {"default_region": "XX"},
        {"public_base_url": "sms.example.org"},
        {"public_base_url": "https://"},
        {"public_base_url": "https:///path"},
        {"public_base_url": "ftp://sms.example.org"},
        {"public_base_url": "https://user@sms.example.org"},
        {"public_base_url": "https://sms.example.org?x=1"},
        {"public_base_url": "https://sms.example.org:port"},
        {"public_base_url": "https://sms.example.org/{{phone}}"},
        {"database": {"url": "postgresql://db"}},
        {"database": {"url": "sqlite:///"}},
        {"database": {"url": "sqlite:///:memory:"}},
        {"database": {"url": "sqlite:///file:x?mode=memory"}},
        {"test_numbers": ["+1415"]},
        {"trust": {"owners": [{"address": "E1", "numbers": [""]}]}},
        {"trust": {"owners": [{"address": "E1", "numbers": ["1415"]}]}},
        {"trust": {"owners": [{"address": ""}]}},
        {"routing": {"prefixes": [{"prefix": "44", "chain": ["a"]}]}},
        {"routing": {"prefixes": [{"prefix": "+44", "chain": []}]}},
        {"limits": {"per_recipient_hour": 10**19}},
        {"limits": {"per_client_minute": -1}},
        {"limits": {"daily_cost": "NaN"}},
        {"limits": {"daily_cost": float("inf")}},
        {"limits": {"daily_cost": -1}},
        {"dispatch": {"concurrency": 0}},
        {"dispatch": {"backoff": 0}},
        {"nvs": {"source": "chain"}},
        {"nvs": {"rpc": {"timeout": 61}}},
        {"extra": 1},
    ],
)
def test_values_that_cannot_be_used(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(values)


def test_values_that_can() -> None:
    settings = load(
        log_level="debug",
        default_region="GB",
        test_numbers="+15005550006, 07700 900123",
        public_base_url="https://sms.example.org/base/",
        http={"trusted_proxies": "10.0.0.1/8,::1"},
        dns={"zones": ["e164.arpa", {"name": "enum", "undotted": True}]},
        database={"url": "sqlite:////var/lib/x.sqlite3"},
        trust={"owners": [{"address": "E1", "numbers": "+1415555,+44"}]},
    )
    assert settings.test_numbers == ("+15005550006", "+447700900123")
    assert settings.public_base_url == "https://sms.example.org/base"
    assert settings.log_level == "DEBUG"
    assert settings.trust.owners[0].numbers == ("+1415555", "+44")
    assert settings.mode is None
    assert load(public_base_url="").public_base_url == ""
    with pytest.raises(ValidationError):
        settings.mode = "live"  # type: ignore[misc]
