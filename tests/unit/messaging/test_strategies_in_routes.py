"""Chains in order: strategies, sticky senders, broken gateways, allowed senders."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from enum_backend.clock import now_ms
from enum_backend.errors import Forbidden, ValidationFailed
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.messaging.breakers import FAILURES
from enum_backend.messaging.gateways import SIMULATOR, GatewayPool
from enum_backend.messaging.model import Client, MessageKind
from enum_backend.messaging.policy import sticky
from enum_backend.messaging.policy.sticky import Known, StickySenders
from enum_backend.messaging.pricing import Pricing
from enum_backend.messaging.routing import Route, Router
from enum_backend.settings.models import PrefixRoute
from nvs.directory import Directory
from tests.unit.messaging.messaging_world import OTHER, TO, World, request

ONE, TWO, THREE = "+15550100001", "+15550100002", "+15550100003"
DAY = 86400.0


@pytest.fixture(autouse=True)
def _three(world: World) -> None:
    for name, number, price in (("one", ONE, "0.03"), ("two", TWO, "0.01"), ("three", THREE, None)):
        world.gateway(name, price=price, **{"from": number})


class Routing:
    """One router over the world's gateways, with what recipients know."""

    def __init__(self, world: World, **options: Any) -> None:
        self._world = world
        self.pool: GatewayPool = world.pool
        options.setdefault("known", StickySenders(world.database, DAY))
        self.router = Router(
            Directory(world.source, world.policy),
            self.pool,
            prefixes=world.prefixes,
            fallback=world.fallback,
            pricing=Pricing(self.pool),
            **options,
        )

    async def choose(self, *, preview: bool = False, **changes: Any) -> Route:
        return await self.router.choose(request(**changes), preview=preview)

    async def send(self, **changes: Any) -> Route:
        """Choose, and remember as accepting does."""
        route = await self.choose(**changes)
        if route.learns is not None:
            rows = [("default", route.destination, route.learns)]
            await self._world.database.write(lambda c: sticky.remember(c, rows, now_ms()))
        return route

    def breaks(self, name: str) -> None:
        error = GatewayError(Reason.TEMPORARY_UNAVAILABLE)
        for _ in range(FAILURES):
            self.pool.breakers.failed(name, error)


def why(route: Route, rule: str) -> tuple[bool, str]:
    return next((step.applied, step.why) for step in route.steps if step.rule == rule)


async def test_least_cost_orders_the_default_chain(world: World) -> None:
    route = await Routing(world, strategy="least_cost").choose()
    assert route.chain == ("two", "one", "three")
    assert why(route, "strategy")[1].startswith("least_cost: two 0.0100, one 0.0300, three without")
    named = await Routing(world, strategy="least_cost").choose(gateway="one")
    assert named.chain == ("one", "two", "three")
    assert why(named, "strategy") == (False, "a rule names the gateway")


async def test_prefixes_have_their_own_strategy(world: World) -> None:
    world.prefixes = (
        PrefixRoute(prefix="+1415", chain=("three", "one", "two"), strategy="least_cost"),
        PrefixRoute(prefix="+44", chain=("three", "one")),
    )
    routing = Routing(world)
    assert (await routing.choose()).chain == ("two", "one", "three")
    assert (await routing.choose(to="+447700900123")).chain == ("three", "one", "two")
    assert (await routing.choose(to="+4915112345678")).chain == ("one", "two", "three")


async def test_round_robin_is_fair_and_explaining_takes_no_turn(world: World) -> None:
    routing = Routing(world, strategy="round_robin", sticky=False)
    firsts: Counter[str] = Counter()
    for _ in range(9):
        seen = await routing.choose(preview=True)
        route = await routing.choose()
        assert seen.chain == route.chain
        assert sorted(route.chain) == ["one", "three", "two"]
        assert (route.decisive, route.learns) == ({"one", "two", "three"}, None)
        firsts[route.chain[0]] += 1
    assert set(firsts.values()) == {3}


async def test_a_broken_gateway_goes_last_and_takes_no_turns(world: World) -> None:
    routing = Routing(world, strategy="round_robin", sticky=False)
    routing.breaks("two")
    routes = [await routing.choose() for _ in range(6)]
    assert Counter(route.chain[0] for route in routes) == {"one": 3, "three": 3}
    assert {route.chain[2] for route in routes} == {"two"}
    # Whoever has shut out `two` is not reached through the others while it is broken.
    assert {route.decisive for route in routes} == {frozenset({"one", "two", "three"})}
    assert why(routes[0], "health") == (True, "broken now, so last: two")
    assert why(await Routing(world).choose(), "health")[0] is False


async def test_broken_gateways_go_last_whoever_names_them(world: World) -> None:
    routing = Routing(world)
    assert (await routing.choose()).decisive == {"one"}
    routing.breaks("one")
    named = await routing.choose(gateway="one")
    assert (named.chain, named.decisive) == (("two", "three", "one"), {"one", "two"})
    assert (await routing.choose()).decisive == {"one", "two"}
    for name in ("two", "three"):
        routing.breaks(name)
    route = await routing.choose()
    assert route.chain == ("one", "two", "three")


async def test_one_that_is_half_open_keeps_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    routing = Routing(world)
    routing.breaks("one")
    monkeypatch.setattr(routing.pool.breakers, "_clock", lambda: float("inf"))
    assert routing.pool.health("one") == "half_open"
    assert (await routing.choose()).chain == ("one", "two", "three")


async def test_the_number_a_recipient_knows_decides_while_it_is_broken(world: World) -> None:
    routing = Routing(world, strategy="priority", sticky=True)
    await routing.send(gateway="two")
    known = Known("two", TWO)
    await world.database.write(lambda c: sticky.remember(c, [("default", TO, known)], now_ms()))
    routing.breaks("two")
    route = await routing.choose()
    assert (route.chain[0], route.decisive) == ("one", {"one", "two"})


async def test_sticky_keeps_the_gateway_of_each_recipient(world: World) -> None:
    routing = Routing(world, strategy="round_robin")
    first = await routing.send()
    assert first.learns is not None
    assert why(first, "sticky") == (False, "the recipient knows no number of ours")
    others = [await routing.send(to=f"+1415555{index:04}") for index in range(6)]
    assert {route.chain[0] for route in others} == {"one", "two", "three"}
    for _ in range(4):
        again = await routing.send()
        assert again.chain[0] == first.chain[0]
        assert again.learns is None
        applied, said = why(again, "sticky")
        assert applied
        assert said.startswith(f"the recipient knows {first.chain[0]} +1555")


async def test_the_known_take_no_turn(world: World) -> None:
    routing = Routing(world, strategy="round_robin")
    await routing.send()
    before = await routing.choose(preview=True, to=OTHER)
    await routing.send()
    assert (await routing.choose(to=OTHER)).chain[0] == before.chain[0]


async def test_sticky_is_off_unless_asked_or_in_turn(world: World) -> None:
    assert why(await Routing(world).choose(), "sticky") == (False, "off")
    assert why(await Routing(world, known=None, sticky=True).choose(), "sticky")[1] == "off"
    asked = Routing(world, sticky=True)
    route = await asked.choose()
    assert route.learns == Known("one", ONE)
    named = await asked.choose(gateway="two")
    assert (named.learns, why(named, "sticky")[1]) == (None, "a rule names the gateway")
    world.gateway("four", numbers=(TO,), **{"from": "+15550100004"})


async def test_a_number_that_the_request_names_is_learned_too(world: World) -> None:
    world.gateway("four", numbers=(TO,), **{"from": "+15550100004"})
    routing = Routing(world, sticky=True)
    named = await routing.send(sender=TO, to=OTHER)
    assert (named.knows, named.learns) == (Known("four", TO), Known("four", TO))
    assert why(named, "sticky")[0] is False
    again = await routing.send(sender=TO, to=OTHER)
    assert (again.knows, again.learns) == (Known("four", TO), None)
    after = await routing.choose(to=OTHER)
    assert (after.chain[0], after.sender) == ("four", TO)
    reply = await routing.choose(kind=MessageKind.REPLY, gateway="two", sender=TWO)
    assert (reply.knows, reply.learns) == (None, None)
    for options in ({"sticky": False}, {}):
        off = await Routing(world, **options).choose(sender=TO)
        assert (off.knows, off.learns) == (None, None)
    in_turns = await Routing(world, strategy="round_robin").choose(sender=TO)
    assert in_turns.learns == Known("four", TO)


async def test_what_really_sent_it_is_what_the_recipient_knows(world: World) -> None:
    one: Any = world.registry.get("one")
    one.script = [GatewayError(Reason.AUTH_FAILED)]
    world.sticky = True
    statements: list[str] = []

    def count(*told: Any) -> None:
        statements.extend(item for item in told[2:3] if "sticky_senders" in item)

    async def sent(**changes: Any) -> list[str]:
        """Send, and return the dispatcher's statements about what recipients know."""
        dispatcher = world.dispatcher()
        message_id = await world.send(**changes)
        engine = world.database._writing.sync_engine if shared else world.database._engine  # type: ignore[attr-defined]
        statements.clear()
        event.listen(engine, "before_cursor_execute", count)
        await dispatcher.start()
        await world.settled(message_id, "sent")
        await dispatcher.stop()
        event.remove(engine, "before_cursor_execute", count)
        return list(statements)

    async def known() -> Known | None:
        return await StickySenders(world.database, DAY).find("default", TO)

    shared = world.database.shared
    assert len(await sent()) == 1
    found = await known()
    assert found is not None
    assert (found.gateway, found.sender) == ("two", TWO)
    assert await sent(text="by the one it knows") == []
    assert await sent(text="from a number", sender=THREE) == []
    found = await known()
    assert found is not None
    assert (found.gateway, found.sender) == ("three", THREE)


async def test_sticky_yields_to_what_is_broken_or_gone(world: World) -> None:
    routing = Routing(world, strategy="priority", sticky=True)
    await routing.send()
    routing.breaks("one")
    moved = await routing.send()
    assert moved.chain == ("two", "three", "one")
    assert why(moved, "sticky") == (
        False,
        f"the recipient knows one {ONE}, which is not usable now",
    )
    assert moved.learns == Known("two", TWO)
    world.default = ("three",)
    assert (await Routing(world, sticky=True).choose()).chain == ("three",)


async def test_sticky_keeps_the_number_after_a_change_of_from(world: World) -> None:
    world.gateway("five", numbers=("+15550100005",), **{"from": "+15550100006"})
    world.default = ("five",)
    rows = [
        ("default", TO, Known("five", "+15550100005")),
        ("default", OTHER, Known("five", THREE)),
    ]
    await world.database.write(lambda c: sticky.remember(c, rows, now_ms()))
    routing = Routing(world, sticky=True)
    kept = await routing.choose()
    assert (kept.sender, kept.senders["five"]) == ("+15550100005", ("+15550100005",))
    assert kept.learns is None
    foreign = await routing.choose(to=OTHER)
    assert (foreign.sender, foreign.senders["five"]) == (None, ("+15550100006",))


async def test_sticky_gives_each_recipient_one_of_several_numbers(world: World) -> None:
    class Phones(type(world.registry.get("one"))):  # type: ignore[misc]
        required = ()

    numbers = tuple(f"+155501001{index:02}" for index in range(4))
    world.gateway("phones", kind=Phones, numbers=numbers, **{"from": ""})
    world.default = ("phones",)
    plain = await Routing(world).choose()
    assert (plain.sender, plain.senders["phones"]) == (None, ("gateway:phones", *numbers))
    routing = Routing(world, sticky=True)
    seen = Counter[str | None]()
    for index in range(40):
        route = await routing.choose(to=f"+1415555{index:04}")
        assert route.sender in numbers
        assert route.senders["phones"] == (route.sender,)
        assert route.learns == Known("phones", route.sender)
        seen[route.sender] += 1
    assert len(seen) == 4
    named = await routing.choose(gateway="phones")
    assert named.sender in numbers


async def test_senders_of_every_hop(world: World) -> None:
    route = await Routing(world).choose()
    assert route.senders == {"one": (ONE,), "two": (TWO,), "three": (THREE,), SIMULATOR: (ONE,)}
    assert route.sender_names()[SIMULATOR] == ONE
    named = await Routing(world).choose(sender=TWO)
    assert (named.chain[0], named.sender) == ("two", TWO)
    assert named.senders == {"one": (ONE,), "two": (TWO,), "three": (THREE,), SIMULATOR: (TWO,)}


async def test_senders_in_a_simulation_without_gateways(world: World) -> None:
    world.mode = "simulation"
    world.registry = type(world.registry)()
    assert (await Routing(world).choose()).senders == {SIMULATOR: ()}
    assert (await Routing(world).choose(sender=OTHER)).senders == {SIMULATOR: (OTHER,)}
    assert (await Routing(world).choose()).sender_names() == {}


async def test_numbers_bound_to_other_tenants_are_no_senders(world: World) -> None:
    class Phones(type(world.registry.get("one"))):  # type: ignore[misc]
        required = ()

    phones = world.gateway("phones", kind=Phones, numbers=(TO,), **{"from": ""})
    phones.bindings = {TO: "acme", OTHER: "default"}
    world.default = ("phones",)
    route = await Routing(world).choose()
    assert route.senders["phones"] == ("gateway:phones", OTHER)


async def test_a_client_with_allowed_senders(world: World) -> None:
    limited = Client("key:k1", "default", 0, senders=(TWO, THREE))
    routing = Routing(world)
    route = await routing.choose(client=limited)
    assert (route.chain, route.sender) == (("two",), TWO)
    assert why(route, "sender") == (True, "the sender is a number of gateway two")
    assert (await routing.choose(client=limited, sender=THREE)).chain == ("three",)
    with pytest.raises(Forbidden, match="may not send from"):
        await routing.choose(client=limited, sender=ONE)
    with pytest.raises(Forbidden, match="not of that gateway"):
        await routing.choose(client=limited, gateway="one")
    strangers = Client("key:k1", "default", 0, senders=("+15550100099",))
    with pytest.raises(ValidationFailed):
        await routing.choose(client=strangers)


async def test_an_answer_comes_from_the_number_that_was_written_to(world: World) -> None:
    route = await Routing(world).choose(kind=MessageKind.REPLY, gateway="two", sender=TWO)
    assert (route.chain, route.sender) == (("two",), TWO)


async def test_prices_by_the_settings(world: World) -> None:
    assert Pricing(world.pool).segment("two", TO) == Decimal("0.01")
