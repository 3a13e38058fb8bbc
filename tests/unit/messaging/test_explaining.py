"""What explain says is what sending does, and it sends nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from enum_backend.clock import now_ms
from enum_backend.errors import NvsUnavailableError, RedisUnavailable
from enum_backend.gateways.base import Cost
from enum_backend.messaging.accepting import AcceptRules
from enum_backend.messaging.explaining import Explainer, Explanation
from enum_backend.messaging.limits import LimitState, NoClientLimits
from enum_backend.messaging.model import Client
from enum_backend.messaging.policy import optouts
from enum_backend.messaging.policy.optouts import Source
from enum_backend.messaging.pricing import Pricing
from enum_backend.settings.models import LimitSettings
from enum_backend.settings.policy import PolicySettings, TextSettings
from tests.unit.messaging.messaging_world import OTHER, TO, World, request

ONE, TWO = "+15550100001", "+15550100002"
PREMIUM = "+19002345678"


@dataclass(frozen=True)
class Busy(NoClientLimits):
    """A caller whose minute is used up."""

    async def state(self, client: str, per_minute: int, name: str) -> LimitState | None:
        return LimitState(name, 60, Decimal(10), Decimal(10), 30.0)


@dataclass(frozen=True)
class Closed(NoClientLimits):
    """Redis is lost, and the caller's limit refuses then."""

    async def state(self, client: str, per_minute: int, name: str) -> LimitState | None:
        raise RedisUnavailable(retry_after=1.0)


@pytest.fixture(autouse=True)
def _two(world: World) -> None:
    world.gateway("one", price="0.03", **{"from": ONE})
    world.gateway("two", **{"from": TWO})


async def explain(world: World, **changes: Any) -> Explanation:
    options: dict[str, Any] = {"rules": AcceptRules(world.limits)}
    for name in ("rules", "policy", "texts", "client_limits"):
        if name in changes:
            options[name] = changes.pop(name)
    explainer = Explainer(
        world.database,
        world.router,
        world.pool,
        pricing=Pricing(world.pool),
        policy=options.pop("policy", PolicySettings()),
        texts=options.pop("texts", TextSettings()),
        test_numbers=world.test_numbers,
        **options,
    )
    explanation = await explainer.explain(request(**changes))
    assert await world.rows() == []
    return explanation


def steps(explanation: Explanation) -> dict[str, tuple[bool, str]]:
    return {step.rule: (step.applied, step.why) for step in explanation.route.steps}


async def test_what_refuses_a_message_wherever_it_goes(world: World) -> None:
    world.mode = "disabled"
    explanation = await explain(world, text="a" * 1601)
    assert [refused.error_code for refused in explanation.refusals] == [
        "SMS_DISABLED",
        "VALIDATION_FAILED",
    ]
    assert (await explain(world, text="")).refusals[0].error_code == "SMS_DISABLED"


async def test_every_rule_is_there(world: World) -> None:
    explanation = await explain(world)
    assert list(steps(explanation)) == [
        "request",
        "record",
        "sender",
        "prefix",
        "default",
        "sticky",
        "strategy",
        "health",
        "policy",
        "opt-out",
    ]
    assert steps(explanation)["policy"] == (False, "the destination may be sent to")
    assert steps(explanation)["opt-out"] == (False, "no opt-out applies")
    assert explanation.estimate == Cost(Decimal("0.03"))
    assert (explanation.limits, explanation.refusals) == ((), ())


async def test_policy_is_shown_not_raised(world: World) -> None:
    explanation = await explain(world, to=PREMIUM)
    why = "Messages to premium-rate numbers are never sent."
    assert steps(explanation)["policy"] == (True, why)
    assert [error.error_code for error in explanation.refusals] == ["FORBIDDEN"]
    allowed = await explain(world, to=PREMIUM, policy=PolicySettings(blocked_types=()))
    assert allowed.refusals == ()


async def test_opt_outs_are_shown_not_raised(world: World) -> None:
    async def shut(sender: str) -> None:
        await world.database.write(
            lambda c: optouts.record(c, "default", sender, TO, Source.KEYWORD, now_ms())
        )

    await shut(TWO)
    explanation = await explain(world)
    assert explanation.route.planned == ("one",)
    assert steps(explanation)["opt-out"] == (True, "opted out of the numbers of two: left out")
    await shut(ONE)
    explanation = await explain(world)
    assert steps(explanation)["opt-out"][0] is True
    assert [error.error_code for error in explanation.refusals] == ["OPTED_OUT"]
    assert (await explain(world, to=OTHER)).refusals == ()


async def test_test_numbers(world: World) -> None:
    world.test_numbers = (PREMIUM,)
    explanation = await explain(world, to=PREMIUM)
    assert list(steps(explanation))[-1] == "test number"
    assert (explanation.estimate, explanation.limits, explanation.refusals) == (None, (), ())


async def test_a_limit_that_nobody_can_count_is_a_refusal(world: World) -> None:
    rules = AcceptRules(LimitSettings())
    explanation = await explain(world, rules=rules, client_limits=Closed())
    assert [state.name for state in explanation.limits] == [
        "per_recipient_hour",
        "per_recipient_day",
        "daily_cost",
    ]
    (refused,) = explanation.refusals
    assert (refused.error_code, refused.retry_after) == ("REDIS_UNAVAILABLE", 1.0)
    assert refused.message.startswith("per_client_minute: cannot be counted now")


async def test_limits_are_shown_not_enforced(world: World) -> None:
    rules = AcceptRules(LimitSettings(daily_cost=Decimal("0.02")))
    explanation = await explain(world, rules=rules, client_limits=Busy())
    assert [state.name for state in explanation.limits] == [
        "per_client_minute",
        "per_recipient_hour",
        "per_recipient_day",
        "daily_cost",
    ]
    assert [error.error_code for error in explanation.refusals] == [
        "RATE_LIMIT_EXCEEDED",
        "COST_LIMIT_EXCEEDED",
    ]
    assert explanation.refusals[0].retry_after == 30


async def test_a_keys_own_ceiling(world: World) -> None:
    client = Client("key:k1", "default", 0, daily_cost=Decimal("0.01"))
    explanation = await explain(world, client=client)
    assert [error.error_code for error in explanation.refusals] == ["COST_LIMIT_EXCEEDED"]


async def test_the_text(world: World) -> None:
    fancy = "“Hello” " * 12
    plain = (await explain(world, text="Hello")).text
    assert (plain.forcing, plain.plain, plain.is_plain) == ((), None, False)
    preview = (await explain(world, text=fancy)).text
    assert (preview.segmentation.encoding, preview.segmentation.segments) == ("UCS-2", 2)
    assert preview.forcing == ("“", "”")
    assert preview.plain is not None
    assert preview.plain.segmentation.segments == 1
    assert preview.is_plain is False
    asked = await explain(world, text=fancy, transliterate=True)
    assert (asked.text.segmentation.encoding, asked.text.is_plain) == ("GSM-7", True)
    assert asked.estimate == Cost(Decimal("0.03"))
    on = TextSettings(transliterate=True)
    assert (await explain(world, text=fancy, texts=on)).text.is_plain is True
    assert (await explain(world, text=fancy, texts=on, is_code=True)).text.is_plain is False
    cyrillic = (await explain(world, text="“Привет”")).text
    assert (cyrillic.plain, len(cyrillic.forcing)) == (None, 8)


async def test_what_an_account_puts_before_a_text_is_counted(world: World) -> None:
    world.gateway("trial", price="0.03", text_prefix="Sent from a trial account - ")
    explanation = await explain(world, text="a" * 150, gateway="trial")
    assert explanation.text.segmentation.segments == 2
    assert explanation.estimate == Cost(Decimal("0.06"))


async def test_a_simulation_estimates_as_live(world: World) -> None:
    world.mode = "simulation"
    explanation = await explain(world)
    assert explanation.route.chain == ("simulator",)
    assert explanation.estimate == Cost(Decimal("0.03"))


async def test_no_route_is_an_error(world: World) -> None:
    world.source.down = True
    with pytest.raises(NvsUnavailableError):
        await explain(world)
    assert replace(await explain(world, is_code=True), limits=()).refusals == ()
