from __future__ import annotations

from typing import Any

import pytest

from enum_backend.errors import (
    CredentialsMissing,
    Forbidden,
    GatewayNotConfigured,
    NvsUnavailableError,
    ValidationFailed,
)
from enum_backend.messaging.gateways import SIMULATOR
from enum_backend.messaging.model import Client
from enum_backend.messaging.routing import Route
from enum_backend.settings.models import PrefixRoute
from nvs.number_record import TrustLevel
from nvs.trust import Owner, TrustPolicy
from tests.unit.messaging.messaging_world import OTHER, TO, DownSource, World, request

SENDER = "+15550100007"


def record(world: World, number: str = TO, sms: str = f"two:{TO}", **place: Any) -> None:
    world.source.put(f"enum:{number[1:]}:0", {"voice": "sip:a@b.example", "sms": sms}, **place)


async def choose(world: World, **changes: Any) -> Route:
    return await world.router.choose(request(**changes))


def steps(route: Route) -> list[tuple[str, bool]]:
    return [(step.rule, step.applied) for step in route.steps]


def why(route: Route, rule: str) -> str:
    return next(step.why for step in route.steps if step.rule == rule)


@pytest.fixture(autouse=True)
def _three(world: World) -> None:
    for name in ("one", "two", "three"):
        world.gateway(name, numbers=(SENDER,) if name == "three" else ())


async def test_rule_5_the_default_chain(world: World) -> None:
    route = await choose(world)
    assert route.chain == route.planned == ("one", "two", "three")
    assert route.destination == TO
    assert steps(route) == [
        ("request", False),
        ("record", False),
        ("sender", False),
        ("prefix", False),
        ("default", True),
        ("sticky", False),
        ("strategy", True),
        ("health", False),
    ]
    assert why(route, "strategy") == "priority: as declared"
    world.default = ("three", "one")
    assert (await choose(world)).chain == ("three", "one")


async def test_rule_1_the_request(world: World) -> None:
    record(world)
    route = await choose(world, gateway="three")
    assert route.chain == ("three", "one", "two")
    assert steps(route)[:4] == [
        ("request", True),
        ("record", False),
        ("sender", False),
        ("prefix", False),
    ]
    world.fallback = False
    assert (await choose(world, gateway="three")).chain == ("three",)
    assert why(await choose(world, gateway="three"), "default") == "not used"


async def test_rule_1_refuses_what_is_not_there(world: World) -> None:
    world.gateway("acme", tenant="acme")
    world.gateway("half", **{"from": ""})
    for name in ("none", "acme", SIMULATOR, "ONE"):
        with pytest.raises(GatewayNotConfigured):
            await choose(world, gateway=name)
    with pytest.raises(CredentialsMissing):
        await choose(world, gateway="half")


async def test_rule_2_the_recipients_record_and_its_number(world: World) -> None:
    record(world, sms=f"two:{OTHER}")
    route = await choose(world)
    assert (route.destination, route.chain) == (OTHER, ("two", "one", "three"))
    assert why(route, "record") == f"the record names two and the number {OTHER}: gateway two"
    code = await choose(world, is_code=True)
    assert (code.destination, code.chain) == (TO, ("two", "one", "three"))


async def test_rule_2_by_provider_prefers_the_owner_of_the_number(world: World) -> None:
    record(world, sms=f"scripted:{SENDER}")
    assert (await choose(world)).chain[0] == "three"


async def test_rule_2_names_a_gateway_that_is_not_here(world: World) -> None:
    record(world, sms=f"twilio:{OTHER}")
    route = await choose(world)
    assert (route.destination, route.chain) == (TO, ("one", "two", "three"))
    assert "not configured here" in why(route, "record")


async def test_rule_2_another_tenants_gateway_cannot_be_named(world: World) -> None:
    world.gateway("acme", tenant="acme")
    record(world, sms=f"acme:{OTHER}")
    route = await choose(world)
    assert route.destination == TO
    assert "acme" not in route.chain
    mine = await choose(world, client=Client("key:a", "acme", 0))
    assert mine.destination == TO
    assert mine.chain == ("one", "two", "three", "acme")


@pytest.mark.parametrize("level", [TrustLevel.UNTRUSTED, TrustLevel.ATTESTED])
@pytest.mark.parametrize("is_code", [False, True])
async def test_untrusted_and_attested_records_route_nothing(
    world: World, level: TrustLevel, is_code: bool
) -> None:
    world.source = DownSource(trust=level)
    record(world, sms=f"two:{OTHER}")
    record(world, number=SENDER, sms=f"two:{SENDER}")
    route = await choose(world, is_code=is_code)
    assert (route.destination, route.chain) == (TO, ("one", "two", "three"))
    assert f"the record is {level.word} and routes nothing" in why(route, "record")
    with pytest.raises(ValidationFailed):
        await choose(world, sender=OTHER)


async def test_an_owner_outside_its_prefixes_routes_nothing(world: World) -> None:
    world.source = DownSource(trust=TrustLevel.UNTRUSTED)
    world.policy = TrustPolicy((Owner("Eowner", "default", ("+1777",)),))
    record(world, sms=f"two:{OTHER}", address="Eowner")
    assert (await choose(world)).destination == TO
    world.policy = TrustPolicy((Owner("Eowner", "default", ("+1415",)),))
    assert (await choose(world)).destination == OTHER


async def test_a_record_without_sms(world: World) -> None:
    world.source.put(f"enum:{TO[1:]}:0", {"voice": "sip:a@b.example"})
    assert why(await choose(world), "record") == "the record names no SMS route"


async def test_an_unreadable_record_stops_all_but_codes(world: World) -> None:
    world.source.down = True
    with pytest.raises(NvsUnavailableError):
        await choose(world)
    route = await choose(world, is_code=True)
    assert (route.destination, route.chain) == (TO, ("one", "two", "three"))
    assert "a code does not wait" in why(route, "record")
    assert (await choose(world, gateway="two")).chain[0] == "two"
    with pytest.raises(NvsUnavailableError, match="sender"):
        await choose(world, gateway="two", sender=OTHER)


async def test_rule_3_the_gateway_that_has_the_sender(world: World) -> None:
    route = await choose(world, sender=SENDER)
    assert (route.chain, route.sender_gateway) == (("three", "one", "two"), "three")
    assert steps(route)[2] == ("sender", True)
    decided = await choose(world, sender=SENDER, gateway="one")
    assert (decided.chain[0], decided.sender_gateway) == ("one", "three")
    assert steps(decided)[2] == ("sender", False)


async def test_rule_3_the_senders_own_record(world: World) -> None:
    record(world, number=OTHER, sms=f"two:{OTHER}")
    route = await choose(world, sender=OTHER)
    assert (route.chain[0], route.sender_gateway) == ("two", "two")
    assert why(route, "sender") == "the sender's record names two"


@pytest.mark.parametrize("sender", [OTHER, "+1abc", "Shop", "+1", "x" * 32])
async def test_rule_3_refuses_a_sender_nobody_has(world: World, sender: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        await choose(world, sender=sender)
    assert refused.value.errors[0].field == "from"


async def test_rule_3_refuses_anothers_sender(world: World) -> None:
    world.gateway("acme", tenant="acme", numbers=("+15550100055",))
    world.gateway("half", numbers=("+15550100056",), **{"from": ""})
    world.policy = TrustPolicy((Owner("Eacme", "acme", ("+1415",)),))
    record(world, number="+14155550136", sms="one:+14155550136", address="Eacme")
    record(world, number="+14155550137", sms="one:+14155550138")
    for sender in ("+15550100055", "+15550100056", "+14155550136", "+14155550137"):
        with pytest.raises(ValidationFailed):
            await choose(world, sender=sender)
    assert (await choose(world, sender="+15550100055", client=Client("k", "acme", 0))).chain[
        0
    ] == "acme"


async def test_rule_4_the_longest_prefix(world: World) -> None:
    world.gateway("acme", tenant="acme")
    world.gateway("half", **{"from": ""})
    world.prefixes = (
        PrefixRoute(prefix="+1", chain=("two",)),
        PrefixRoute(prefix="+1415", chain=("three", "gone", "half", "acme", "three")),
        PrefixRoute(prefix="+14155", chain=("acme",)),
        PrefixRoute(prefix="+44", chain=("one",)),
    )
    route = await choose(world)
    assert route.chain == ("three", "one", "two")
    assert why(route, "prefix") == (
        "+1415 is the longest match; +14155 matches too, but none of its gateways is usable"
    )
    assert (await choose(world, to="+15550100099")).chain[0] == "two"
    record(world, to := "+15550100098", sms="two:+447700900123")
    assert (await choose(world, to=to)).chain[0] == "two"


async def test_no_gateway_at_all(world: World) -> None:
    world.registry = type(world.registry)()
    with pytest.raises(GatewayNotConfigured):
        await choose(world)


async def test_simulation_plans_as_live_and_carries_itself(world: World) -> None:
    world.mode = "simulation"
    record(world, sms=f"twilio:{OTHER}")
    route = await choose(world)
    assert (route.chain, route.destination) == ((SIMULATOR,), OTHER)
    assert route.planned == ("one", "two", "three")
    assert "simulation mode" in why(route, "record")
    unknown_sender = await choose(world, to="+15550100099", sender=OTHER)
    assert why(unknown_sender, "sender") == "no gateway owns the sender"
    named = await choose(world, gateway=SIMULATOR)
    assert named.chain == (SIMULATOR,)
    world.registry = type(world.registry)()
    assert (await choose(world)).planned == (SIMULATOR,)


async def test_simulated_for_test_numbers(world: World) -> None:
    route = (await choose(world)).simulated()
    assert route.chain == (SIMULATOR,)
    assert route.planned == ("one", "two", "three")
    assert steps(route)[-1] == ("test number", True)


async def test_a_gateway_never_sends_from_another_tenants_number(world: World) -> None:
    shared = world.gateway("shared", **{"from": "+15550100008"})
    shared.bindings = {"+15550100008": "acme", "+15550100002": "default"}
    route = await choose(world)
    assert "shared" not in route.chain
    assert "own sender" in [step.rule for step in route.steps]
    named = await choose(world, sender="+15550100002")
    assert named.chain[0] == "shared"
    with pytest.raises(Forbidden, match="another tenant's"):
        await choose(world, gateway="shared")
    for gateway in world.registry:
        gateway.bindings = {gateway.options.sender: "acme"}
    with pytest.raises(GatewayNotConfigured, match="number of this tenant"):
        await choose(world)
