from __future__ import annotations

from decimal import Decimal

import pytest

from enum_backend.errors import (
    CredentialsMissing,
    EnumBackendError,
    Forbidden,
    GatewayNotConfigured,
    NotFound,
    ProviderError,
    SmsDisabled,
    ValidationFailed,
)
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.gateways.inventory.base import AvailableNumber, NumberQuery, OwnedNumber
from enum_backend.numbers.actor import Actor, refused
from enum_backend.numbers.addresses import Addresses
from enum_backend.numbers.store import NumberState
from tests.unit.numbers.numbers_world import (
    ACME,
    NUMBER,
    OTHER,
    SMS,
    US,
    NumbersWorld,
    dollars,
    stalls,
)


async def test_search_asks_all_and_names_those_that_fail(world: NumbersWorld) -> None:
    world.shop("one").on_sale = [AvailableNumber(NUMBER, SMS, monthly=dollars("1.00"))]
    world.shop("two").on_sale = [AvailableNumber(OTHER, SMS, monthly=dollars("9", "XXX"))]
    world.shop("broken").on_sale = GatewayError(Reason.FORBIDDEN, "not for you")
    world.shop("theirs", tenant="acme")
    found = await world.inventory.search(Actor("default"), NumberQuery())
    assert [
        (offer.gateway, offer.available.number, offer.monthly, offer.setup)
        for offer in found.offers
    ] == [
        ("one", NUMBER, Decimal("1.00"), Decimal("0.50")),
        ("two", OTHER, None, Decimal("0.50")),
    ]
    (failure,) = found.failures
    assert (failure.gateway, failure.reason, failure.detail) == (
        "broken",
        "forbidden",
        "not for you",
    )


async def test_search_one(world: NumbersWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = world.shop("one", area_code="415")
    found = await world.inventory.search(US, NumberQuery(), "one")
    assert len(found.offers) == 1
    await world.inventory.search(US, NumberQuery(area_code="212"), "one")
    await world.inventory.search(US, NumberQuery(country="GB"), "one")
    assert [call[1].area_code for call in shop.calls] == ["415", "212", ""]
    shop.on_sale = GatewayError(Reason.INVALID_REQUEST, "wants an area code")
    with pytest.raises(ValidationFailed, match="one: wants an area code"):
        await world.inventory.search(US, NumberQuery(), "one")
    stalls(world, monkeypatch, "search")
    with pytest.raises(ProviderError):
        await world.inventory.search(US, NumberQuery(), "one")
    found = await world.inventory.search(US, NumberQuery())
    assert found.failures[0].detail == "no answer in time"


async def test_which_gateways_sell_numbers(world: NumbersWorld) -> None:
    with pytest.raises(GatewayNotConfigured, match="No configured gateway sells numbers"):
        await world.inventory.search(US, NumberQuery())
    with pytest.raises(GatewayNotConfigured, match="No configured gateway sells numbers"):
        await world.inventory.buy(US, NUMBER, yes=True)
    with pytest.raises(GatewayNotConfigured, match="no gateway 'one'"):
        await world.inventory.search(US, NumberQuery(), "one")
    world.shop("theirs", tenant="acme")
    with pytest.raises(GatewayNotConfigured, match="no gateway 'theirs'"):
        await world.inventory.search(Actor("default"), NumberQuery(), "theirs")
    other = world.shop("other")
    type(other).required = ("from", "base_url")
    try:
        with pytest.raises(CredentialsMissing, match="other lacks base_url"):
            await world.inventory.search(US, NumberQuery(), "other")
    finally:
        type(other).required = ("from",)
    other.provider = "mute"
    with pytest.raises(GatewayNotConfigured, match="other has no numbers"):
        await world.inventory.search(US, NumberQuery(), "other")


async def test_who_has_no_number_yet_may_look_for_one(world: NumbersWorld) -> None:
    world.shop("one", **{"from": ""})
    assert (await world.inventory.search(US, NumberQuery(), "one")).offers


async def test_buy_points_messages_at_us(world: NumbersWorld) -> None:
    shop = world.shop("one")
    row = await world.inventory.buy(US, NUMBER, yes=True)
    assert (row.state, row.tenant, row.source) == (NumberState.ACTIVE, "default", "bought")
    path = "/sms/webhook/shop/one"
    urls = (f"https://sms.example.org{path}", f"https://two.example.org{path}")
    assert shop.calls == [("buy", NUMBER, *urls)]
    assert shop.owns(NUMBER)
    assert world.store.owner_gateway(NUMBER) == "one"
    assert world.store.owner_gateway("+15550100001") == "one"
    assert world.store.owner_gateway(OTHER) is None


async def test_buy_needs_a_public_address(world: NumbersWorld) -> None:
    world.shop()
    world.addresses = Addresses("")
    with pytest.raises(GatewayNotConfigured, match="public_base_url is not set"):
        await world.inventory.buy(US, NUMBER, yes=True)
    world.addresses = Addresses("https://sms.example.org")
    await world.inventory.buy(US, NUMBER, yes=True)
    assert world.addresses.failover_webhook("shop", "shop") == ""


async def test_only_a_live_server_spends(world: NumbersWorld) -> None:
    world.shop()
    world.live = False
    inventory = world.inventory
    for work in (
        inventory.buy(US, NUMBER, yes=True),
        inventory.release(US, NUMBER),
        inventory.check_loop(US, NUMBER),
    ):
        with pytest.raises(SmsDisabled, match="live mode only"):
            await work


async def test_a_tenants_gateway_buys_for_its_tenant(world: NumbersWorld) -> None:
    world.shop("theirs", tenant="acme")
    world.shop("shared")
    with pytest.raises(ValidationFailed, match="gateway: name one of theirs, shared"):
        await world.inventory.buy(US, NUMBER, yes=True)
    row = await world.inventory.buy(US, NUMBER, gateway="theirs", yes=True)
    assert row.tenant == "acme"
    assert world.registry.select("shop", NUMBER, "acme") is world.registry.get("theirs")


async def test_ours(world: NumbersWorld) -> None:
    world.shop("one", numbers=["+15550100002", "name"])
    world.shop("theirs", tenant="acme", **{"from": ""})
    await world.inventory.buy(US, NUMBER, gateway="one", yes=True)
    await world.inventory.buy(ACME, OTHER, gateway="theirs", yes=True)

    def shown(rows: list[object]) -> list[tuple[str, str, str]]:
        return [(row.number, row.source, row.tenant) for row in rows]  # type: ignore[attr-defined]

    configured = [
        ("+15550100001", "settings", ""),
        ("+15550100002", "settings", ""),
    ]
    theirs = await world.inventory.ours(ACME)
    assert shown([*theirs]) == [(OTHER, "bought", "acme"), *configured]
    everything = await world.inventory.ours(US)
    assert len(everything) == 4


async def test_release(world: NumbersWorld) -> None:
    shop = world.shop()
    await world.inventory.buy(ACME, NUMBER, yes=True)
    with pytest.raises(NotFound):
        await world.inventory.release(Actor("default"), NUMBER)
    with pytest.raises(NotFound):
        await world.inventory.release(ACME, OTHER)
    shop.releasing = [GatewayError(Reason.INVALID_REQUEST, "the account has no such number")]
    with pytest.raises(ValidationFailed, match="no such number"):
        await world.inventory.release(ACME, NUMBER)
    assert shop.owns(NUMBER)
    row = await world.inventory.release(US, NUMBER)
    assert (row.number, row.state) == (NUMBER, NumberState.RELEASED)
    assert not shop.owns(NUMBER)
    assert await world.store.find(NUMBER) is None


async def test_import(world: NumbersWorld) -> None:
    shop = world.shop("one")
    world.shop("two")
    gone, elsewhere = "+14155550103", "+14155550104"
    shop.has = [OwnedNumber(NUMBER, SMS), OwnedNumber(gone, SMS)]
    first = await world.inventory.import_account(US, "one")
    assert (first.added, first.known) == ((NUMBER, gone), ())
    await world.inventory.buy(US, elsewhere, gateway="two", yes=True)
    shop.has = [OwnedNumber(n, frozenset({"sms", "voice"})) for n in (NUMBER, OTHER, elsewhere)]
    found = await world.inventory.import_account(US, "one")
    assert found.added == (OTHER,)
    assert found.known == (NUMBER,)
    assert found.elsewhere == (elsewhere,)
    assert found.gone == (gone,)
    row = await world.store.find(OTHER)
    assert row is not None
    assert (row.source, row.monthly) == ("imported", Decimal(2))
    assert row.features == {"sms", "voice"}
    assert shop.owns(OTHER)


async def test_an_import_settles_what_was_ordered(world: NumbersWorld) -> None:
    shop = world.shop()
    row = await world.inventory.buy(US, NUMBER, yes=True)
    await world.store.settle(row, state=NumberState.PENDING)
    shop.has = [OwnedNumber(NUMBER, SMS)]
    assert (await world.inventory.import_account(US)).known == (NUMBER,)
    assert shop.owns(NUMBER)


async def test_who_may_import(world: NumbersWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = world.shop("shared")
    theirs = world.shop("theirs", tenant="acme")
    shop.has, theirs.has = [OwnedNumber(NUMBER, SMS)], [OwnedNumber(OTHER, SMS)]
    with pytest.raises(Forbidden):
        await world.inventory.import_account(ACME, "shared")
    with pytest.raises(Forbidden):
        await world.inventory.import_account(ACME, "theirs", "default")
    with pytest.raises(ValidationFailed, match="belongs to acme"):
        await world.inventory.import_account(US, "theirs", "default")
    assert (await world.inventory.import_account(ACME, "theirs")).added == (OTHER,)
    assert (await world.inventory.import_account(US, "shared", "acme")).added == (NUMBER,)
    assert {row.number for row in await world.inventory.ours(ACME)} >= {NUMBER, OTHER}
    shop.has = GatewayError(Reason.AUTH_FAILED, "wrong key")
    with pytest.raises(ProviderError):
        await world.inventory.import_account(US, "shared")
    stalls(world, monkeypatch, "owned")
    with pytest.raises(ProviderError):
        await world.inventory.import_account(US, "shared")


async def test_a_restart_forgets_nothing(world: NumbersWorld) -> None:
    shop = world.shop()
    await world.inventory.buy(US, NUMBER, yes=True)
    again = type(world)(world.database, world.sealer, registry=world.registry)
    shop.bindings = {}
    await again.store.load()
    assert shop.bindings == {NUMBER: "default"}


async def test_check_loop(world: NumbersWorld) -> None:
    world.shop("one", numbers=[OTHER])
    await world.inventory.buy(US, NUMBER, yes=True)
    report = await world.inventory.check_loop(US, NUMBER)
    assert (report.arrived, report.gateway, report.state) == (True, "one", "sent")
    ((number, gateway, tenant, text),) = world.echo.sent
    assert (number, gateway, tenant) == (NUMBER, "one", "default")
    assert text.startswith("enum-backend loop test ")
    world.echo.comes_back = False
    report = await world.inventory.check_loop(US, OTHER)
    assert (report.arrived, report.number) == (False, OTHER)
    assert world.echo.sent[-1][:3] == (OTHER, "one", "default")
    assert 0.1 <= report.seconds < 5
    with pytest.raises(NotFound):
        await world.inventory.check_loop(US, "+14155550199")


async def test_check_loop_stops_early_and_reads_only_its_own(world: NumbersWorld) -> None:
    world.shop("one", numbers=[NUMBER])
    world.echo.broken = True
    world.echo.becomes = "failed"
    report = await world.inventory.check_loop(US, NUMBER)
    assert (report.arrived, report.state) == (False, "failed")
    assert report.seconds < 0.2


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (GatewayError(Reason.AUTH_FAILED, "settings lack site_id"), CredentialsMissing),
        (GatewayError(Reason.AUTH_FAILED, "no"), ProviderError),
        (GatewayError(Reason.INVALID_NUMBER, "no such number"), ValidationFailed),
        (GatewayError(Reason.INVALID_REQUEST), ProviderError),
    ],
)
def test_refusals(world: NumbersWorld, error: GatewayError, kind: type[EnumBackendError]) -> None:
    assert type(refused(world.shop(), error)) is kind
