"""Sections `policy`, `keywords`, `messages`, `alerts`, and the routing strategies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

import pytest

from enum_backend.egress import Egress
from enum_backend.errors import SettingsError
from enum_backend.metrics import Metrics
from enum_backend.settings import LoadedSettings, load_settings
from enum_backend.settings.shown import MASK, shown
from enum_backend.setup.gateways import build_pool
from enum_backend.setup.messaging import build_announcer
from enum_backend.storage import Database

TOML = """
[routing]
strategy = "round_robin"
sticky = true
sticky_window = "7d"

[[routing.prefixes]]
prefix = "+44"
chain = ["one"]
strategy = "least_cost"

[policy]
countries = ["us", "GB"]
blocked_types = ["premium"]
allow = ["+4918012"]

[[policy.tenants]]
tenant = "acme"
countries = ["GB"]

[keywords]
help_text = "Acme Ltd"
help_interval = "30m"
quiet_gateways = ["one"]

[[keywords.countries]]
country = "gb"
stop = ["ENOUGH"]
stop_text = "Bye."

[messages]
transliterate = true

[alerts]
email = ["ops@example.com"]
webhook = "https://hook.example/canary"

[gateways.one]
provider = "telnyx"
"""


def loaded(tmp_path: Path, text: str, **environment: str) -> LoadedSettings:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return load_settings(path, environment=environment)


def test_everything_from_a_file(tmp_path: Path) -> None:
    found = loaded(tmp_path, TOML)
    settings = found.settings
    assert (settings.routing.strategy, settings.routing.sticky) == ("round_robin", True)
    assert settings.routing.sticky_window == 7 * 86400
    assert settings.routing.prefixes[0].strategy == "least_cost"
    assert settings.policy.countries == ("US", "GB")
    assert settings.policy.tenants[0].countries == ("GB",)
    assert settings.keywords.countries[0].country == "GB"
    assert settings.keywords.help_interval == 1800
    assert settings.messages.transliterate
    assert found.warnings == ()
    hook = next(line for line in shown(found) if line.path == "alerts.webhook")
    assert hook.value == MASK
    build_pool(found)


def test_defaults() -> None:
    settings = load_settings(environment={}).settings
    assert (settings.routing.strategy, settings.routing.sticky) == ("priority", None)
    assert settings.policy.countries == ()
    assert settings.policy.blocked_types == ("premium", "shared_cost")
    assert settings.keywords.enabled
    assert settings.keywords.answer
    assert not settings.messages.transliterate


def test_from_the_environment() -> None:
    settings = load_settings(
        environment={
            "ENUM_BACKEND_POLICY__COUNTRIES": "us, gb",
            "ENUM_BACKEND_ROUTING__STRATEGY": "least_cost",
            "ENUM_BACKEND_MESSAGES__TRANSLITERATE": "true",
        }
    ).settings
    assert settings.policy.countries == ("US", "GB")
    assert settings.routing.strategy == "least_cost"
    assert settings.messages.transliterate


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"GB"]', '"UK"]', "expected countries of ISO 3166"),
        ("round_robin", "random", "routing.strategy"),
        ('blocked_types = ["premium"]', 'blocked_types = ["premum"]', "policy.blocked_types"),
        ("tenant = ", "tennant = ", 'did you mean "tenant"'),
        ("stop_text = ", "stop_txt = ", 'did you mean "stop_text"'),
        ("ops@example.com", "ops", "alerts.email"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert old in TOML
    with pytest.raises(SettingsError) as refused:
        loaded(tmp_path, TOML.replace(old, new))
    assert why in str(refused.value)


def test_quiet_gateways_are_configured_ones(tmp_path: Path) -> None:
    text = TOML.replace('quiet_gateways = ["one"]', 'quiet_gateways = ["two"]')
    with pytest.raises(SettingsError, match=r"keywords\.quiet_gateways: there is no gateway 'two'"):
        build_pool(loaded(tmp_path, text))


async def test_ways_to_tell_of_alerts(tmp_path: Path) -> None:
    egress = Egress()

    def ways(text: str) -> list[str]:
        settings = loaded(tmp_path, text).settings
        made = build_announcer(settings, cast("Database", None), Metrics(), egress)
        return [way.name for way in made._ways]

    assert ways("") == []
    with pytest.raises(SettingsError, match=r"alerts\.email: needs smtp\.host and smtp\.from"):
        ways(TOML)
    mail = '[smtp]\nhost = "mail.example"\nfrom = "sms@example.com"\n'
    assert ways(TOML + mail) == ["email-1", "webhook"]


PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "limits-and-opt-outs.md"


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL))
def test_the_how_tos_examples_load(tmp_path: Path, block: str) -> None:
    secret = "whsec_" + "A" * 32
    assert loaded(tmp_path, block.replace("whsec_...", secret)).warnings == ()
