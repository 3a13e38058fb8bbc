from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.gateways.inventory.base import LineReport, LineType
from enum_backend.numbers.classify import Classifier, acceptance
from enum_backend.numbers.offline import MIXED, NOT_VALID, RANGE, classify_offline
from tests.unit.numbers.numbers_world import NumbersWorld, ShopLookup

US = "+14155550134"


@pytest.fixture(autouse=True)
def _nobody_was_asked() -> Iterator[None]:
    yield
    ShopLookup.answers.clear()
    ShopLookup.asked.clear()


def classifier(world: NumbersWorld, *, may_ask: bool = True) -> Classifier:
    return Classifier(world.registry, {"shop": ShopLookup}, may_ask=may_ask)


@pytest.mark.parametrize(
    ("number", "line_type", "region"),
    [
        ("+14155552671", LineType.FIXED_OR_MOBILE, "US"),
        ("+16135550134", LineType.FIXED_OR_MOBILE, "CA"),
        ("+18005550134", LineType.TOLL_FREE, "US"),
        ("+19002345678", LineType.PREMIUM, "US"),
        ("+15005550006", LineType.PERSONAL, "US"),
        ("+447400123456", LineType.MOBILE, "GB"),
        ("+445600123456", LineType.VOIP, "GB"),
        ("+442079460000", LineType.LANDLINE, "GB"),
        ("+4918012345", LineType.SHARED_COST, "DE"),
        ("+447640123456", LineType.PAGER, "GB"),
        ("+445512345678", LineType.UAN, "GB"),
        ("+80012345678", LineType.TOLL_FREE, None),
    ],
)
def test_the_numbering_plan(number: str, line_type: LineType, region: str | None) -> None:
    report = classify_offline(number)
    assert (report.line_type, report.region) == (line_type, region)


def test_what_cannot_be_known_is_said() -> None:
    assert classify_offline("+14155552671").caveats == (MIXED,)
    assert NOT_VALID in classify_offline("+14150000000").caveats
    ported = classify_offline("+447911123456")
    assert ported.carrier_of_range == "JT"
    assert ported.caveats == (RANGE,)


@pytest.mark.parametrize(
    ("line_type", "likely", "why"),
    [
        (LineType.MOBILE, True, "a live look-up says it is a mobile number"),
        (LineType.VOIP, False, "a voip number, which many services refuse"),
        (LineType.LANDLINE, False, "a landline"),
        (LineType.TOLL_FREE, False, "a toll free number"),
        (LineType.FIXED_OR_MOBILE, None, "only that it is fixed or mobile"),
        (LineType.UNKNOWN, None, "the numbering plan cannot tell"),
    ],
)
def test_acceptance_by_a_live_answer(line_type: LineType, likely: bool | None, why: str) -> None:
    verdict = acceptance(classify_offline("+14155552671"), LineReport(US, line_type))
    assert verdict.likely is likely
    assert why in verdict.reason


def test_acceptance_by_the_plan() -> None:
    assert acceptance(classify_offline("+447400123456"), None).likely is True
    assert acceptance(classify_offline("+14155552671"), None).likely is None
    invalid = acceptance(classify_offline("+14150000000"), None)
    assert invalid.likely is False
    assert "no such number" in invalid.reason


async def test_not_asked(world: NumbersWorld) -> None:
    world.shop()
    found = await classifier(world).classify(US, live=False, tenant="default")
    assert (found.live, found.live_gateway, found.live_error) == (None, None, "not asked")
    found = await classifier(world, may_ask=False).classify(US, live=True, tenant="default")
    assert found.live_error == "a simulation asks no provider"
    assert ShopLookup.asked == []
    assert found.line_type is classify_offline(US).line_type


async def test_live_answers_are_kept_per_tenant(world: NumbersWorld) -> None:
    world.shop("one")
    ShopLookup.answers["one"] = LineType.VOIP
    service = classifier(world)
    for _ in range(2):
        found = await service.classify(US, live=True, tenant="default")
        assert (found.line_type, found.live_gateway, found.live_error) == (
            LineType.VOIP,
            "one",
            "",
        )
    assert ShopLookup.asked == ["one"]
    await service.classify(US, live=True, tenant="acme")
    assert ShopLookup.asked == ["one", "one"]


async def test_the_first_gateway_that_knows(world: NumbersWorld) -> None:
    world.shop("broken")
    world.shop("unsure")
    world.shop("theirs", tenant="acme")
    world.shop("sure")
    ShopLookup.answers["broken"] = GatewayError(Reason.FORBIDDEN, "no")
    ShopLookup.answers["sure"] = LineType.MOBILE
    found = await classifier(world).classify(US, live=True, tenant="default")
    assert (found.live_gateway, found.line_type) == ("sure", LineType.MOBILE)
    assert ShopLookup.asked == ["broken", "unsure", "sure"]


async def test_an_unsure_answer_is_better_than_none(world: NumbersWorld) -> None:
    world.shop("unsure")
    world.shop("broken")
    ShopLookup.answers["broken"] = GatewayError(Reason.FORBIDDEN, "no")
    found = await classifier(world).classify(US, live=True, tenant="default")
    assert found.live is not None
    assert (found.live_gateway, found.live.carrier) == ("unsure", "Carrier")
    assert found.line_type is classify_offline(US).line_type


async def test_nobody_answers(world: NumbersWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    service = classifier(world)
    found = await service.classify(US, live=True, tenant="default")
    assert found.live_error == "no configured gateway has a live look-up"
    world.shop("broken")
    ShopLookup.answers["broken"] = GatewayError(Reason.AUTH_FAILED, "no")
    found = await service.classify(US, live=True, tenant="default")
    assert found.live_error == "broken: auth_failed"

    async def stall(*_: object) -> LineReport:
        await asyncio.sleep(30)
        raise AssertionError

    world.shop("slow", timeout=0.05)
    monkeypatch.setattr(ShopLookup, "look_up", stall)
    ShopLookup.answers.clear()
    world.registry._gateways.pop("broken")
    found = await service.classify(US, live=True, tenant="default")
    assert found.live_error == "slow: no answer in time"
