"""Settings of verification codes: their texts, their limits, the fraud guard."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

import re2
from pydantic import AfterValidator, Field, SecretStr, field_validator

from enum_backend.settings.base import MOST, Seconds, Section, TextList
from enum_backend.settings.policy import Countries

PURPOSES = ("PASSWORD_RESET", "PHONE_VERIFICATION", "TWO_FACTOR_AUTH", "CUSTOM")
"""What `enum_backend.verification.Purpose` knows; a test compares the two."""

DAY = 86_400.0


def _purposes(purposes: tuple[str, ...]) -> tuple[str, ...]:
    if not set(purposes) <= set(PURPOSES):
        raise ValueError(f"expected some of {', '.join(PURPOSES)}")
    return purposes


Purposes = Annotated[TextList, AfterValidator(_purposes)]


class FraudSettings(Section):
    """Codes that are asked for and never used: somebody may earn from each."""

    action: Literal["off", "record_only", "deny"] = Field(
        "record_only", description="what a warning does: off (there are none), record_only, deny"
    )
    allow_networks: TextList = Field(
        (), description="addresses or networks whose requests are never refused"
    )
    allow_countries: Countries = Field((), description="countries whose numbers never are")
    allow_numbers: TextList = Field(
        (), description="regular expressions (RE2, whole number) of numbers that never are"
    )
    high_risk: Countries = Field((), description="countries with lower thresholds")
    low_risk: Countries = Field((), description="countries with higher thresholds")
    blocked: Countries = Field((), description="countries that codes are never sent to")
    high_risk_factor: float = Field(
        0.5, gt=0, le=1, description="what their thresholds are multiplied by"
    )
    low_risk_factor: float = Field(
        2.0, ge=1, le=100, description="what their thresholds are multiplied by"
    )
    prefix_per_hour: int = Field(
        10,
        ge=0,
        le=MOST,
        description="unused codes in an hour to numbers that differ in their last four digits "
        "only, 0 = no limit",
    )
    keep: Seconds = Field(90 * DAY, ge=15 * DAY, description="how long decisions are kept")

    @field_validator("allow_networks")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError(
                    f"expected addresses or networks such as 10.0.0.0/8, got {network[:45]!r}"
                ) from None
        return networks

    @field_validator("allow_numbers")
    @classmethod
    def _patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            options = re2.Options()
            options.log_errors = False
            try:
                re2.compile(pattern, options)
            except re2.error:
                raise ValueError(f"not a regular expression of RE2: {pattern[:60]!r}") from None
        return patterns


class VerificationSettings(Section):
    """Codes."""

    app_name: str = Field("", description="name before the text, unless the request has one")
    locale: str = Field("en", description="language of the text, unless the request names one")
    domain: str = Field("", description="site that may read the code (WebOTP), e.g. example.org")
    texts_file: str = Field("", description="texts (TOML) that replace or add to the shipped ones")
    resend_after: Seconds = Field(
        30.0, gt=0, le=600, description="pause before the same code goes again, doubling each time"
    )
    per_ip_hour: int = Field(
        30, ge=0, le=MOST, description="codes asked for from one address in an hour, 0 = no limit"
    )
    per_ip_day: int = Field(200, ge=0, le=MOST, description="the same in 24 hours, 0 = no limit")
    anonymous_purposes: Purposes = Field(
        ("PASSWORD_RESET",), description="purposes for which nobody is known to own the number"
    )
    anonymous_per_recipient_hour: int = Field(
        2,
        ge=0,
        le=MOST,
        description="their codes for one purpose to one number in an hour, for all purposes half "
        "as many again; 0 = no limit",
    )
    anonymous_per_recipient_day: int = Field(
        8, ge=0, le=MOST, description="the same in 24 hours, 0 = no limit"
    )
    two_factor_reserve_hour: int = Field(
        1,
        ge=0,
        le=MOST,
        description="of limits.per_recipient_hour, kept for two-factor codes that name a subject",
    )
    two_factor_reserve_day: int = Field(
        4, ge=0, le=MOST, description="the same of limits.per_recipient_day"
    )
    test_code: SecretStr = Field(
        SecretStr(""), description="code of every test number, empty = as for all others"
    )
    sim_swap: Literal["off", "record", "refuse"] = Field(
        "off", description="ask a provider whether the SIM was changed lately, and what follows"
    )
    sim_swap_age: Seconds = Field(7 * DAY, gt=0, description="what lately means")
    sim_swap_purposes: Purposes = Field(
        ("TWO_FACTOR_AUTH", "PASSWORD_RESET"), description="purposes that a SIM swap endangers"
    )
    keep: Seconds = Field(90 * DAY, ge=DAY, description="how long verifications are kept")
    fraud: FraudSettings = FraudSettings()

    @field_validator("test_code")
    @classmethod
    def _six_digits(cls, code: SecretStr) -> SecretStr:
        if not re.fullmatch(r"([0-9]{6})?", code.get_secret_value(), re.ASCII):
            raise ValueError("expected 6 digits")
        return code
