"""Countries and number types that nothing is sent to."""

from __future__ import annotations

import pytest

from enum_backend.errors import Forbidden
from enum_backend.gateways.inventory.base import LineType
from enum_backend.messaging.policy.destinations import refusal
from enum_backend.numbers.offline import number_plan
from enum_backend.settings.policy import NUMBER_TYPES, PolicySettings, TenantPolicy

US, GB, DE = "+14155550134", "+447700900123", "+4915112345678"
PREMIUM, SHARED, TOLL_FREE = "+19002345678", "+4918012345", "+18005550100"
NO_RANGE, NO_COUNTRY, NOWHERE = "+15550100001", "+80012345678", "+999123456"


def why(number: str, tenant: str = "default", **settings: object) -> str:
    refused = refusal(number, PolicySettings.model_validate(settings), tenant)
    if refused is None:
        return ""
    assert isinstance(refused, Forbidden)
    assert refused.error_code == "FORBIDDEN"
    return refused.message


def test_the_types_of_the_settings_are_those_of_the_look_ups() -> None:
    assert tuple(LineType) == NUMBER_TYPES


def test_by_default_only_numbers_that_earn_are_blocked() -> None:
    for number in (US, GB, DE, TOLL_FREE, NO_RANGE, NO_COUNTRY, NOWHERE):
        assert why(number) == ""
    assert why(PREMIUM) == "Messages to premium-rate numbers are never sent."
    assert why(SHARED) == "Messages to shared-cost numbers are never sent."


def test_types_are_configurable() -> None:
    assert why(PREMIUM, blocked_types=()) == ""
    assert why(TOLL_FREE, blocked_types=("toll_free",)) == (
        "Messages to toll-free numbers are never sent."
    )
    assert "in no known range" in why(NO_RANGE, blocked_types=("unknown",))
    with pytest.raises(ValueError, match="premium"):
        PolicySettings.model_validate({"blocked_types": ["premum"]})


def test_countries() -> None:
    allowed = {"countries": ("us", "gb")}
    assert why(US, **allowed) == why(GB, **allowed) == ""
    assert why(DE, **allowed) == "Messages to numbers of DE are not allowed here."
    assert why(NO_COUNTRY, **allowed) == "Messages to numbers of no country are not allowed here."
    assert why(NOWHERE, **allowed) == (
        "Messages to numbers of an unknown country are not allowed here."
    )
    assert why(NO_COUNTRY, countries=("001",)) == ""


def test_a_number_in_no_range_belongs_to_the_main_country_of_its_code() -> None:
    assert number_plan(NO_RANGE).region == "US"
    assert number_plan("+18765550123").region == "JM"
    assert why(NO_RANGE, countries=("US",)) == ""
    assert why("+18765550123", countries=("US",)) != ""


def test_a_tenant_is_narrowed_within_the_deployment() -> None:
    acme = TenantPolicy(tenant="acme", countries=("GB", "DE"))
    settings = {"countries": ("US", "GB"), "tenants": (acme,)}
    assert why(GB, "acme", **settings) == ""
    assert why(US, "acme", **settings) == (
        "Messages to numbers of US are not allowed for this tenant."
    )
    assert why(DE, "acme", **settings) == "Messages to numbers of DE are not allowed here."
    assert why(US, "other", **settings) == ""


def test_exceptions_pass_country_and_type() -> None:
    settings = {"countries": ("US",), "allow": ("+4918012", DE)}
    assert why(SHARED, **settings) == why(DE, **settings) == ""
    assert why("+4918099999", **settings) != ""


@pytest.mark.parametrize(
    "settings",
    [
        {"countries": ["Germany"]},
        {"countries": ["EU"]},
        {"allow": ["49"]},
        {"allow": ["+"]},
        {"tenants": [{"tenant": "a", "countries": []}]},
        {"tenants": [{"tenant": "", "countries": ["US"]}]},
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        PolicySettings.model_validate(settings)
