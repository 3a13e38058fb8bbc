from __future__ import annotations

import pytest

from enum_backend.errors import SettingsError
from enum_backend.settings.environment import ALIASES, settings_from


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


def test_the_usual_name_wins_over_the_short_one() -> None:
    short = {"TWILIO_SID": "AC1", "TWILIO_AUTH": "a", "TWILIO_FROM": "+14155550101"}
    usual = {
        "TWILIO_ACCOUNT_SID": "AC2",
        "TWILIO_AUTH_TOKEN": "b",
        "TWILIO_PHONE_NUMBER": "+14155550102",
    }
    gateway = ("gateways", "twilio")
    assert {path: value for path, (value, _) in settings_from(short).items()} == {
        (*gateway, "account_sid"): "AC1",
        (*gateway, "auth_token"): "a",
        (*gateway, "from"): "+14155550101",
    }
    assert {path: value for path, (value, _) in settings_from(short | usual).items()} == {
        (*gateway, "account_sid"): "AC2",
        (*gateway, "auth_token"): "b",
        (*gateway, "from"): "+14155550102",
    }


def test_several_numbers() -> None:
    listed = {"TWILIO_PHONE_NUMBERS": " +14155550101 ,, +14155550102"}
    found = settings_from(listed)
    assert found["gateways", "twilio", "from"] == ("+14155550101", "TWILIO_PHONE_NUMBERS")
    numbers = ["+14155550101", "+14155550102"]
    assert found["gateways", "twilio", "numbers"] == (numbers, "TWILIO_PHONE_NUMBERS")
    found = settings_from(listed | {"TWILIO_PHONE_NUMBER": "+14155550109"})
    assert found["gateways", "twilio", "from"] == ("+14155550109", "TWILIO_PHONE_NUMBER")
    assert settings_from({"TWILIO_PHONE_NUMBERS": " , "}) == {}
