"""The `sms` section, and limits of SMS."""

from __future__ import annotations

from typing import Any

import pytest

from meshcentral_plugin.config import Kind
from tests.unit.meshcentral.configurations import GOOD, SHIM, changed, made


@pytest.mark.parametrize(
    ("provider", "wrong", "right"),
    [
        (
            "plivo",
            {"auth_id": "FAKE", "auth_token": "fake", "from": "+15551230000"},
            {"id": "FAKE", "token": "fake", "from": "+15551230000"},
        ),
        (
            "telnyx",
            {"api_key": "FAKE", "from": "+15551230000"},
            {"apikey": "FAKE", "from": "+15551230000"},
        ),
    ],
)
def test_wrong_credential_names(
    provider: str, wrong: dict[str, str], right: dict[str, str], schema: dict[str, Any]
) -> None:
    result = made(changed("sms", {"provider": provider, **wrong}), schema=schema)
    assert result.errors == []
    assert result.document["sms"] == {"provider": provider, **right}
    assert [finding.path for finding in result.translated] == [
        f"sms.{name}" for name in wrong if name not in right
    ]


@pytest.mark.parametrize(
    "sms",
    [
        {"provider": "twilio", "sid": "ACfake", "auth": "fake", "from": "+15551230000"},
        {"provider": "plivo", "id": "FAKE", "token": "fake", "from": "+15551230000"},
        {"provider": "telnyx", "apikey": "FAKE", "from": "+15551230000"},
    ],
)
def test_providers_in_meshcentrals_own_form(sms: dict[str, str], schema: dict[str, Any]) -> None:
    assert made(changed("sms", sms), schema=schema).findings == ()
    for name in set(sms) - {"provider"}:
        for broken in ({k: v for k, v in sms.items() if k != name}, sms | {name: ""}):
            (found,) = made(changed("sms", broken)).errors
            assert (found.path, found.trap) == (f"sms.{name}", "sms-broken")
            assert "password alone" in found.message


@pytest.mark.parametrize("place", ["limits", "settings/limits", "domains//limits"])
def test_sms_limits_need_the_shim(place: str) -> None:
    document = changed(place, {"maxSMSPerHour": 5, "maxSMSPerDay": 20})
    result = made(document)
    paths = [finding.path for finding in result.errors]
    assert len(paths) == 2
    assert "--via enum-backend" in result.errors[0].fix
    result = made(document, shim_url=SHIM)
    assert result.errors == []
    assert [finding.path for finding in result.translated] == paths
    assert result.limits == {"per_hour": 5, "per_day": 20}
    assert "limits" not in result.document["domains"][""]
    assert "limits" not in result.document


def test_the_lowest_of_several_sms_limits_counts() -> None:
    document = changed("domains//limits", {"maxSMSPerHour": 5, "MaxDevices": 7})
    document["domains"]["other"] = {"limits": {"maxSMSPerHour": 3}}
    result = made(document, shim_url=SHIM)
    assert result.limits == {"per_hour": 3}
    assert result.document["domains"][""]["limits"] == {"MaxDevices": 7}
    assert result.document["sms"] == {"provider": "url", "url": SHIM}


def test_without_an_sms_section() -> None:
    document = {name: GOOD[name] for name in ("settings", "domains")}
    (found,) = made(document).findings
    assert (found.kind, found.path) == (Kind.NOTE, "sms")
    assert made(document, shim_url=SHIM).document["sms"] == {"provider": "url", "url": SHIM}


@pytest.mark.parametrize("value", [0, -1, "5", True, 1.5])
def test_sms_limits_are_positive_integers(value: Any) -> None:
    (found,) = made(changed("domains//limits", {"maxSMSPerDay": value}), shim_url=SHIM).errors
    assert found.message == "expected an integer above 0"


@pytest.mark.parametrize(
    ("sms", "path"),
    [
        ([], "sms"),
        ("twilio", "sms"),
        ({}, "sms.provider"),
        ({"provider": "vonage"}, "sms.provider"),
        ({"provider": ["url"]}, "sms.provider"),
        ({"provider": "url"}, "sms.url"),
        ({"provider": "url", "url": "ftp://x/{{phone}}{{message}}"}, "sms.url"),
        ({"provider": "url", "url": "https://x/{{ phone }}?{{message}}"}, "sms.url"),
        ({"provider": "url", "url": "https://x/{{phone}}"}, "sms.url"),
        ({"provider": "url", "url": "console"}, "sms.url"),
    ],
)
def test_a_broken_sms_section(sms: Any, path: str) -> None:
    (found,) = made(changed("sms", sms)).errors
    assert (found.path, found.trap) == (path, "sms-broken")
    assert found.fix
    result = made(changed("sms", sms), allow=["sms-broken"])
    assert result.errors == []
    assert result.findings[0].kind is Kind.NOTE


def test_names_that_a_provider_lacks() -> None:
    sms = {"provider": "twilio", "sid": "ACfake", "auth": "x", "from": "+15551230000"}
    (found,) = made(changed("sms", sms | {"auth_token": "x"})).errors
    assert (found.path, found.fix, found.trap) == ("sms.auth_token", "use sms.auth", "")
    (found,) = made(changed("sms", sms | {"zzz": 1})).errors
    assert found.fix == "remove it; it has sid, auth, from"


def test_credentials_before_the_host_are_refused() -> None:
    url = "https://fakeuser:fakepass@x.example/{{phone}}{{message}}"
    (found,) = made(changed("sms", {"provider": "url", "url": url})).errors
    assert "drops" in found.message
    assert "fakepass" not in found.text()
