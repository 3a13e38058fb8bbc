from __future__ import annotations

import pytest

from enum_backend.errors import SettingsError
from enum_backend.settings.environment import ALIASES, settings_from, unusable_providers


@pytest.mark.parametrize("variable", sorted(ALIASES))
def test_every_alias(variable: str) -> None:
    assert settings_from({variable: " 7 "}) == {ALIASES[variable]: ("7", variable)}
    assert settings_from({variable: "  "}) == {}


def test_our_own_spelling_wins() -> None:
    found = settings_from({"DATABASE_URL": "a", "ENUM_BACKEND_DATABASE__URL": "b"})
    assert found == {("database", "url"): ("b", "ENUM_BACKEND_DATABASE__URL")}


@pytest.mark.parametrize("value", ["1", "true", "YES", " on "])
def test_simulation(value: str) -> None:
    found = settings_from({"SMS_SIMULATION_MODE": value})
    assert found == {("mode",): ("simulation", "SMS_SIMULATION_MODE")}


@pytest.mark.parametrize("value", ["", "0", "False", "no", "off"])
def test_no_simulation(value: str) -> None:
    assert settings_from({"SMS_SIMULATION_MODE": value}) == {}


def test_a_slip_never_sends() -> None:
    with pytest.raises(SettingsError, match="SMS_SIMULATION_MODE: expected true or false"):
        settings_from({"SMS_SIMULATION_MODE": "ture"})


def test_values_that_look_like_json() -> None:
    names = {
        '["a", "b"]': ["a", "b"],
        '{"a": 1}': {"a": 1},
        "[::1]": "[::1]",
        "{broken": "{broken",
        "[" * 100_000: "[" * 100_000,
        "8080": "8080",
    }
    for text, value in names.items():
        assert settings_from({"ENUM_BACKEND_X": text})["x",][0] == value


def test_not_settings() -> None:
    clients = {"ENUM_BACKEND_API_URL": "u", "ENUM_BACKEND_API_KEY": "k", "PATH": "/bin"}
    assert settings_from(clients) == {}


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("TWILIO_ACCOUNT_SID", "twilio"),
        ("TWILIO_SID", "twilio"),
        ("TWILIO_AUTH_TOKEN", "twilio"),
        ("TWILIO_AUTH", "twilio"),
        ("PLIVO_AUTH_ID", "plivo"),
        ("PLIVO_AUTH_TOKEN", "plivo"),
    ],
)
def test_providers_this_version_lacks(variable: str, name: str) -> None:
    assert unusable_providers({variable: "x"}) == [name]
    assert unusable_providers({variable: " "}) == []
