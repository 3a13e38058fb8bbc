from __future__ import annotations

import pytest

from enum_backend.errors import (
    CredentialsMissing,
    GatewayNotConfigured,
    SettingsError,
    SmsDisabled,
)
from enum_backend.messaging.gateways import SIMULATOR
from tests.unit.messaging.messaging_world import World


def test_check_names_the_setting_and_what_there_is(world: World) -> None:
    with pytest.raises(SettingsError, match=r"routing.default: .*'two' \(configured: none\)"):
        world.pool.check([("routing.default", ["two"])])
    world.gateway("one")
    world.pool.check([("routing.default", ["one"])])
    with pytest.raises(SettingsError, match=r"configured: one"):
        world.pool.check([("routing.prefixes", ["one", "two"])])


def test_disabled_modes(world: World) -> None:
    world.pool.require_sending()
    world.mode = "disabled"
    with pytest.raises(SmsDisabled, match="no usable gateway"):
        world.pool.require_sending()
    world.gateway("half", **{"from": ""})
    with pytest.raises(CredentialsMissing, match="half lacks from"):
        world.pool.require_sending()
    world.disabled_because = "Sending is switched off."
    with pytest.raises(SmsDisabled, match="switched off"):
        world.pool.require_sending()


def test_usable(world: World) -> None:
    world.gateway("one")
    world.gateway("half", **{"from": ""})
    world.gateway("acme", tenant="acme")
    assert world.pool.usable("one", "default").name == "one"
    assert world.pool.usable("acme", "acme").name == "acme"
    for name, tenant in (("acme", "default"), ("none", "default")):
        with pytest.raises(GatewayNotConfigured):
            world.pool.usable(name, tenant)
    with pytest.raises(CredentialsMissing, match="half lacks from"):
        world.pool.usable("half", "default")


def test_chains_hold_each_usable_gateway_once(world: World) -> None:
    for name, tenant in (("one", ""), ("acme", "acme"), ("two", "")):
        world.gateway(name, tenant=tenant)
    world.gateway("half", **{"from": ""})
    assert world.pool.default_chain("default") == ("one", "two")
    assert world.pool.default_chain("acme") == ("one", "acme", "two")
    world.default = ("two", "half", "gone", "acme", "two", "one")
    assert world.pool.default_chain("default") == ("two", "one")


def test_owner_of_a_sender(world: World) -> None:
    shared = "+15550100009"
    world.gateway("acme", tenant="acme", numbers=(shared,))
    world.gateway("half", numbers=(shared,), **{"from": ""})
    assert world.pool.owner_of(shared, "default") is None
    world.gateway("one", numbers=(shared,))
    owner = world.pool.owner_of(shared, "default")
    assert owner is not None
    assert owner.name == "one"


def test_carrier(world: World) -> None:
    one = world.gateway("one")
    world.gateway("half", **{"from": ""})
    assert world.pool.carrier("one") is one
    assert world.pool.carrier("half") is None
    assert world.pool.carrier("gone") is None
    for mode in ("simulation", "disabled"):
        world.mode = mode  # type: ignore[assignment]
        assert world.pool.carrier("one") is None
        assert world.pool.carrier(SIMULATOR) is world.simulator
