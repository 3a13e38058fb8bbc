"""Which gateway a word, a number and a tenant stand for."""

from __future__ import annotations

from typing import Any

import pytest

from enum_backend.errors import (
    CredentialsMissing,
    GatewayNotConfigured,
    InvalidPhoneFormat,
    ValidationFailed,
)
from enum_backend.gateways import (
    Capabilities,
    Gateway,
    GatewayError,
    GatewayOptionsError,
    GatewayRegistry,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
    SimulatorGateway,
    TelnyxGateway,
    build_gateway,
)
from enum_backend.gateways.providers import providers
from tests.unit.gateways.gateway_cases import TO, sms

OWN = "+15550100001"


class Plain(Gateway):
    """The least a gateway can be."""

    provider = "plain"
    capabilities = Capabilities(max_characters=5)
    closed = False

    async def send(self, sms: OutboundSms) -> SendResult:
        self.check(sms)
        return SendResult(ProviderStatus.QUEUED)

    async def close(self) -> None:
        await super().close()
        self.closed = True


class Unclosable(Plain):
    async def close(self) -> None:
        raise OSError("busy")


def registry(**gateways: Gateway) -> GatewayRegistry:
    made = GatewayRegistry()
    for name, gateway in gateways.items():
        made.add(name, gateway)
    return made


def name_of(gateway: Gateway | None) -> str | None:
    return gateway and gateway.name


def test_add_get_iterate() -> None:
    first, second = SimulatorGateway(), SimulatorGateway()
    made = registry(one=first, two=second)
    assert first.name == "one"
    assert made.get("one") is first
    assert made.get("three") is None
    assert list(made) == [first, second]
    assert len(made) == 2
    assert "two" in made
    assert "three" not in made


@pytest.mark.parametrize("name", ["", "A", "-a", "a b", "a" * 65, "a\n", "é"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(GatewayOptionsError, match="a gateway's name is"):
        GatewayRegistry().add(name, SimulatorGateway())


def test_names_and_gateways_are_unique() -> None:
    gateway = SimulatorGateway()
    made = registry(one=gateway)
    with pytest.raises(GatewayOptionsError, match="already a gateway 'one'"):
        made.add("one", SimulatorGateway())
    with pytest.raises(GatewayOptionsError, match="added before, as 'one'"):
        made.add("two", gateway)


@pytest.mark.parametrize(
    ("word", "number", "tenant", "expected"),
    [
        ("eu", None, None, "eu"),
        ("EU", None, None, "eu"),
        ("simulator", None, None, "us"),
        ("simulator", "+15550100003", None, "eu"),
        ("simulator", "+15550100009", None, "us"),
        ("mine", None, None, None),
        ("mine", None, "", None),
        ("mine", None, "other", None),
        ("mine", None, "acme", "mine"),
        ("simulator", "+15550100004", None, "us"),
        ("simulator", "+15550100004", "acme", "mine"),
        ("half", None, None, None),
        ("telnyx", None, None, None),
        ("plain", None, None, None),
    ],
)
def test_select(word: str, number: str | None, tenant: str | None, expected: str | None) -> None:
    made = registry(
        half=TelnyxGateway(api_key="k"),
        us=SimulatorGateway(sender=OWN),
        eu=SimulatorGateway(numbers=["+15550100003"]),
        mine=SimulatorGateway(sender="+15550100004", tenant="acme"),
    )
    assert name_of(made.select(word, number, tenant)) == expected


def test_unusable_name_falls_back_to_the_provider() -> None:
    made = registry(
        telnyx=TelnyxGateway(), other=TelnyxGateway(api_key="k", sender=OWN), third=Plain()
    )
    assert name_of(made.select("telnyx")) == "other"


def test_owner_of() -> None:
    made = registry(one=SimulatorGateway(), two=TelnyxGateway(sender=OWN))
    assert name_of(made.owner_of(OWN)) == "two"
    assert made.owner_of("") is None
    assert made.owner_of("+15550100099") is None


async def test_send() -> None:
    one, two = SimulatorGateway(), SimulatorGateway(sender=OWN)
    made = registry(
        half=TelnyxGateway(), own=SimulatorGateway(tenant="acme", sender=OWN), one=one, two=two
    )
    assert (await made.send(TO, "a")).status is ProviderStatus.DELIVERED
    await made.send(TO, "b", sender=OWN)
    await made.send(TO, "c", gateway="two", message_id="msg_7")
    await made.send(TO, "d", gateway="simulator", sender=OWN)
    assert [m.text for m in one.messages] == ["a"]
    assert [m.text for m in two.messages] == ["b", "c", "d"]
    assert one.messages[0].message_id.startswith("msg_")
    assert two.messages[0].sender == OWN
    assert two.messages[1].message_id == "msg_7"


@pytest.mark.parametrize(
    "to", ["15550100002", "+1 555 010 0002", "+0155501", "+155", "", "+1\n555"]
)
async def test_send_wants_e164(to: str) -> None:
    with pytest.raises(InvalidPhoneFormat) as caught:
        await registry(one=SimulatorGateway()).send(to, "a")
    assert caught.value.errors[0].field == "to"


async def test_send_says_why_not() -> None:
    made = registry(half=TelnyxGateway(api_key="k"), own=SimulatorGateway(tenant="acme"))
    with pytest.raises(ValidationFailed):
        await made.send(TO, "")
    with pytest.raises(GatewayNotConfigured):
        await made.send(TO, "a")
    with pytest.raises(GatewayNotConfigured):
        await made.send(TO, "a", gateway="own")
    for word in ("half", "telnyx"):
        with pytest.raises(CredentialsMissing, match="half lacks from"):
            await made.send(TO, "a", gateway=word)


async def test_close_reaches_every_gateway() -> None:
    last = Plain()
    with pytest.raises(OSError, match="busy"):
        async with registry(bad=Unclosable(), last=last) as made:
            await made.send(TO, "a", gateway="last")
    assert last.closed


async def test_close() -> None:
    async with registry(one=SimulatorGateway(), two=TelnyxGateway()) as made:
        assert len(made) == 2


@pytest.mark.parametrize(
    ("provider", "options"),
    [
        ("simulator", {}),
        ("telnyx", {"api_key": "k", "from": OWN}),
        ("url", {"url": "https://gw.example.org/?{{phone}}{{message}}"}),
    ],
)
def test_build_gateway(provider: str, options: dict[str, Any]) -> None:
    gateway = build_gateway(provider, "office", options)
    assert type(gateway) is providers()[provider].gateway
    assert (gateway.name, gateway.missing()) == ("office", [])
    assert repr(gateway) == f"{type(gateway).__name__}(name='office')"


def test_build_gateway_names_the_nearest_provider() -> None:
    with pytest.raises(GatewayOptionsError, match=r"office: provider:.*did you mean 'telnyx'"):
        build_gateway("telnix", "office", {})
    with pytest.raises(GatewayOptionsError, match=r"known are .*simulator, telnyx"):
        build_gateway("zzz", "office", {})
    with pytest.raises(GatewayOptionsError, match=r"office: api_kee: .*'api_key'"):
        build_gateway("telnyx", "office", {"api_kee": "x"})


async def test_longest_text() -> None:
    with pytest.raises(GatewayError, match="longer than 5") as caught:
        await Plain().send(sms(text="123456"))
    assert caught.value.reason is Reason.INVALID_REQUEST
    with pytest.raises(NotImplementedError, match="status"):
        await Plain().status("1")


def test_base_url_is_trimmed_to_an_origin() -> None:
    assert Plain(base_url="https://api.example.org:8443/").options.base_url == (
        "https://api.example.org:8443"
    )
    assert Plain(base_url="").options.base_url == ""
    assert str(GatewayError(Reason.UNKNOWN, provider_code="7")) == "unknown 7"


async def test_other_settings_are_looked_at_anew() -> None:
    gateway = TelnyxGateway(api_key="KEY", sender=OWN)
    assert gateway.usable
    gateway.options = type(gateway.options)()
    assert not gateway.usable
    with pytest.raises(GatewayError) as caught:
        gateway.check(sms())
    assert caught.value.reason is Reason.AUTH_FAILED
    await gateway.close()
