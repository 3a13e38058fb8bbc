from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from enum_backend.doctor import accounts
from enum_backend.doctor.model import Finding, Level
from enum_backend.gateways.providers import build_gateway, webhook_kinds
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.messaging.gateways import GatewayPool, Mode
from enum_backend.settings import Settings
from tests.telnyx_numbers import KEY

NUMBER = "+14155550100"
TELNYX = {"api_key": KEY, "from": NUMBER}
HTTP_GATEWAY = {"url": "https://sms.example/?to={{phone}}&text={{message}}"}


def pool(
    mode: Mode = "live", default: tuple[str, ...] = (), **gateways: dict[str, Any]
) -> GatewayPool:
    registry = GatewayRegistry()
    for name, options in gateways.items():
        own = dict(options)
        registry.add(name, build_gateway(own.pop("provider", name), name, own))
    return GatewayPool(mode, registry, SimulatorGateway(), default)


def levels(findings: Any) -> list[Level]:
    return [finding.level for finding in findings]


def messages(findings: Any) -> str:
    return "; ".join(finding.message for finding in findings)


@pytest.mark.parametrize(
    ("mode", "set_mode", "level"),
    [
        ("live", None, Level.OK),
        ("simulation", None, Level.WARNING),
        ("simulation", "simulation", Level.WARNING),
        ("disabled", "disabled", Level.PROBLEM),
    ],
)
def test_mode(mode: Mode, set_mode: Mode | None, level: Level) -> None:
    (found,) = accounts.mode(pool(mode), Settings(mode=set_mode))
    assert found.level is level
    assert ("set" if set_mode else "derived") in found.message


def test_gateways() -> None:
    assert levels(accounts.gateways(pool())) == [Level.NOTE]
    found = list(accounts.gateways(pool(telnyx=TELNYX, twilio={})))
    assert levels(found) == [Level.OK, Level.WARNING]
    assert "lacks account_sid, auth_token, from" in found[1].message


def test_numbers_without_a_plus() -> None:
    options = TELNYX | {"from": "14155550100", "numbers": (NUMBER, "MyShop", "(415) 555-0101")}
    found = [item for item in accounts.gateways(pool(telnyx=options)) if item.fix]
    assert [item.check for item in found] == ["gateway telnyx: from"] * 2
    assert all("4155" not in item.message + item.fix for item in found)


@pytest.mark.parametrize(
    ("provider", "options", "wrong"),
    [
        ("telnyx", {"api_key": KEY}, []),
        ("telnyx", {"api_key": "canary"}, ["api_key"]),
        ("twilio", {"account_sid": "AC" + "0" * 32, "auth_token": "0" * 32}, []),
        (
            "twilio",
            {"account_sid": "ACcanary", "auth_token": "canary"},
            ["account_sid", "auth_token"],
        ),
        ("plivo", {"auth_id": "MA" + "0" * 18, "auth_token": "a" * 40}, []),
        ("plivo", {"auth_id": "canary"}, ["auth_id"]),
        ("bandwidth", {"account_id": "5500000"}, []),
        ("bandwidth", {"account_id": "12"}, ["account_id"]),
        ("url", {"url": "https://x.example/{{phone}}/{{message}}"}, []),
    ],
)
def test_formats(provider: str, options: dict[str, Any], wrong: list[str]) -> None:
    gateways = pool(**{provider: options})
    found = list(accounts.formats(gateways, ()))
    assert [item.check for item in found] == [f"gateway {provider}: {key}" for key in wrong]
    assert all("canary" not in item.message + item.fix for item in found)
    assert list(accounts.formats(gateways, {f"gateway {provider}: login"})) == []


def test_chain() -> None:
    assert levels(accounts.chain(pool("simulation"))) == []
    assert levels(accounts.chain(pool())) == [Level.PROBLEM]
    found = list(accounts.chain(pool(default=("telnyx", "twilio"), telnyx=TELNYX, twilio={})))
    assert levels(found) == [Level.OK, Level.WARNING]
    assert found[1].message == "passed over: twilio"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "is not set"),
        ("http://sms.example.org", "is not https"),
        ("https://localhost", "no provider can reach"),
        ("https://192.168.1.10", "no provider can reach"),
        ("https://server.internal", "no provider can reach"),
        ("https://server", "no provider can reach"),
        ("https://sms.example.org", ""),
        ("https://8.8.8.8", ""),
    ],
)
def test_webhook_address(url: str, why: str) -> None:
    (found,) = accounts.webhook_address(pool(telnyx=TELNYX), Settings(public_base_url=url))
    assert found.level is (Level.WARNING if why else Level.OK)
    assert why in found.message


def test_no_webhooks_no_address() -> None:
    assert list(accounts.webhook_address(pool(url=HTTP_GATEWAY), Settings())) == []


READY = {
    "telnyx": {"public_key": "A" * 43 + "="},
    "twilio": {"auth_token": "x"},
    "plivo": {"auth_token": "x"},
    "bandwidth": {"callback_user": "u", "callback_password": "p"},
    "vonage": {"signature_secret": "x"},
}


@pytest.mark.parametrize("provider", sorted(READY))
async def test_webhook_keys(provider: str) -> None:
    (found,) = await accounts.webhook_keys(pool(**{provider: READY[provider]}))
    assert found.level is Level.OK, found.message
    (found,) = await accounts.webhook_keys(pool(**{provider: {}}))
    assert found.level is Level.WARNING
    assert "no call can be proven" in found.message


async def test_webhooks_that_anybody_could_call(monkeypatch: pytest.MonkeyPatch) -> None:
    async def believe(*_: object) -> None:
        return None

    monkeypatch.setattr(webhook_kinds()["telnyx"], "verify", believe)
    (found,) = await accounts.webhook_keys(pool(telnyx=TELNYX, url=HTTP_GATEWAY))
    assert (found.level, "without any proof" in found.message) == (Level.WARNING, True)
    assert isinstance(found, Finding)


def test_currencies(tmp_path: Path) -> None:
    gateways = pool(telnyx=TELNYX, vonage={}, other={"provider": "vonage", "currency": "XXX"})
    euros, unknown = accounts.currencies(gateways, Settings())
    assert (euros.check, euros.level) == ("gateway vonage: currency", Level.OK)
    assert euros.message.startswith("1 EUR counts as 1.")
    assert (unknown.check, unknown.level) == ("gateway other: currency", Level.WARNING)
    assert "XXX does not count against limits.daily_cost" in unknown.message
    assert "[rates.usd]" in unknown.fix
    wrong = Settings(prices_file=str(tmp_path / "none.toml"))
    assert list(accounts.currencies(gateways, wrong)) == []
