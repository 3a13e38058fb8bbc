"""`[verification]`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from enum_backend.settings import load_settings
from enum_backend.settings.models import RESERVED
from enum_backend.settings.verification import FraudSettings, VerificationSettings


def test_defaults() -> None:
    own = VerificationSettings()
    assert (own.resend_after, own.locale, own.sim_swap) == (30, "en", "off")
    assert own.fraud.action == "record_only"
    assert own.anonymous_purposes == ("PASSWORD_RESET",)
    assert "verification" not in RESERVED


def test_from_the_environment() -> None:
    loaded = load_settings(
        environment={
            "ENUM_BACKEND_VERIFICATION__APP_NAME": "Example",
            "ENUM_BACKEND_VERIFICATION__RESEND_AFTER": "1m",
            "ENUM_BACKEND_VERIFICATION__ANONYMOUS_PURPOSES": "PASSWORD_RESET, CUSTOM",
            "ENUM_BACKEND_VERIFICATION__FRAUD__ACTION": "deny",
            "ENUM_BACKEND_VERIFICATION__FRAUD__HIGH_RISK": "eg,ua",
        }
    )
    own = loaded.settings.verification
    assert (own.app_name, own.resend_after) == ("Example", 60)
    assert own.anonymous_purposes == ("PASSWORD_RESET", "CUSTOM")
    assert (own.fraud.action, own.fraud.high_risk) == ("deny", ("EG", "UA"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"test_code": "12345"}, "expected 6 digits"),
        ({"test_code": "abcdef"}, "expected 6 digits"),
        ({"anonymous_purposes": ["LOGIN"]}, "expected some of PASSWORD_RESET"),
        ({"sim_swap": "deny"}, "Input should be"),
        ({"resend_after": 0}, "greater than 0"),
        ({"code_length": 4}, "Extra inputs"),
        ({"fraud": {"action": "block"}}, "Input should be"),
        ({"fraud": {"allow_networks": ["nowhere"]}}, "expected addresses or networks"),
        ({"fraud": {"allow_countries": ["XX"]}}, "expected countries of ISO 3166"),
        ({"fraud": {"allow_numbers": ["("]}}, "not a regular expression of RE2"),
        ({"fraud": {"allow_numbers": ["(?=x)"]}}, "not a regular expression of RE2"),
        ({"fraud": {"keep": "1d"}}, "greater than or equal"),
    ],
)
def test_what_is_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError) as refused:
        VerificationSettings.model_validate(changes)
    assert why in str(refused.value)


def test_what_is_taken() -> None:
    own = FraudSettings.model_validate(
        {"allow_networks": "192.0.2.7, 2001:db8::/32", "allow_numbers": [r"\+1555\d+"]}
    )
    assert own.allow_networks == ("192.0.2.7", "2001:db8::/32")
    secret = VerificationSettings.model_validate({"test_code": "424242"})
    assert "424242" not in repr(secret)
