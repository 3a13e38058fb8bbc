"""The fraud guard counts, warns, refuses, remembers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection

from enum_backend.errors import BlockedByFraudGuard, EnumBackendError, Forbidden
from enum_backend.storage.tables import fraud_counts
from enum_backend.verification import Purpose
from enum_backend.verification.fraud import counts
from enum_backend.verification.fraud.counts import Place, ip_scope, place_of
from enum_backend.verification.fraud.decisions import Verdict
from tests.unit.verification.verification_world import BRITISH, DAY, HOUR, MINUTE, TO, Verifying

IP = "192.0.2.1"


def number(n: int, prefix: str = "+1415555") -> str:
    return f"{prefix}{n:04}"


async def ask(verifying: Verifying, many: int, first: int = 100, **changes: Any) -> list[Any]:
    """Codes for as many numbers of different prefixes, or why there is none."""
    results: list[Any] = []
    for n in range(first, first + many):
        try:
            started = await verifying.start(to=f"+1415{200 + n % 700}{n:04}", **changes)
        except EnumBackendError as error:
            results.append(error)
        else:
            results.append(started)
    return results


def blocked(results: list[Any]) -> int:
    return sum(isinstance(result, BlockedByFraudGuard) for result in results)


async def use(verifying: Verifying, started: Any) -> None:
    code = await verifying.code_of(started.verification_id)
    await verifying.service.check(started.verification_id, code)


async def used(verifying: Verifying, place: Place, many: int, at: int) -> None:
    """As if so many codes had been used."""

    def work(connection: Connection) -> None:
        for _ in range(many):
            counts.add_verified(connection, place, at)

    await verifying.world.database.write(work)


async def test_counts_of_a_code(verifying: Verifying) -> None:
    started = await verifying.start(to=BRITISH, ip=IP)
    one = (1, 1, 0)
    assert await verifying.counts() == {
        ("country:GB", "GB"): one,
        ("prefix:+44770090", "GB"): one,
        (f"ip:{IP}", "GB"): one,
    }
    verifying.time.pass_(MINUTE)
    await verifying.start(to=BRITISH, ip="192.0.2.2")
    verifying.time.pass_(6 * MINUTE)
    await use(verifying, started)
    used = (2, 0, 1)
    assert await verifying.counts() == {
        ("country:GB", "GB"): used,
        ("prefix:+44770090", "GB"): used,
        (f"ip:{IP}", "GB"): (1, 0, 0),
        ("ip:192.0.2.2", "GB"): (1, 0, 1),
        ("day:GB", "GB"): (0, 0, 1),
    }
    assert {row.verified_at for row in await verifying.decision_rows()} == {verifying.time.now}


async def test_wrong_code_counts_nothing(verifying: Verifying) -> None:
    started = await verifying.start(ip=IP)
    before = await verifying.counts()
    wrong = await verifying.wrong_code(started.verification_id)
    with pytest.raises(EnumBackendError):
        await verifying.service.check(started.verification_id, wrong)
    assert await verifying.counts() == before


async def test_record_only_sends_and_notes(verifying: Verifying) -> None:
    results = await ask(verifying, 5)
    assert blocked(results) == 0
    assert [row.verdict for row in await verifying.decision_rows()] == [
        *["allowed"] * 3,
        *["flagged"] * 2,
    ]
    assert (await verifying.decision_rows())[-1].reasons == "country_hour"
    assert [event.event_type for event in verifying.recorded] == ["FRAUD_FLAGGED"] * 2
    event = verifying.recorded[0]
    assert event.metadata["reasons"] == "country_hour"
    assert [decision.verdict for decision in verifying.decided][-1] is Verdict.FLAGGED


async def test_deny_by_country_and_hour(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "deny"})
    results = await ask(verifying, 5)
    assert blocked(results) == 2
    error = results[-1]
    assert error.error_code == "BLOCKED_BY_FRAUD_GUARD"
    # Until the bucket of the first code, of two minutes ago, is out of the window.
    assert error.retry_after == pytest.approx(3600 + 300 - 120)
    assert len(await verifying.world.rows()) == 3
    # What is blocked does not count.
    assert (await verifying.counts())["country:US", "US"] == (3, 3, 0)
    assert [event.severity for event in verifying.recorded] == ["HIGH", "HIGH"]
    # Other countries go on; so does this one, after the time it told.
    await verifying.start(to=BRITISH)
    verifying.time.pass_(int(error.retry_after * 1000))
    assert await verifying.start()


async def test_used_codes_make_room(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "deny"})
    for started in await ask(verifying, 3):
        await use(verifying, started)
    assert blocked(await ask(verifying, 3, 200)) == 0
    assert blocked(await ask(verifying, 1, 300)) == 1


async def test_a_fifth_of_the_hours_used_codes(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "deny"})
    place = place_of(TO, None)
    await used(verifying, place, 25, verifying.time.now)
    assert blocked(await ask(verifying, 5)) == 0
    assert blocked(await ask(verifying, 1, 200)) == 1


async def test_best_of_the_last_fourteen_days(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "deny"})
    place, database = place_of(TO, None), verifying.world.database

    midnight = verifying.time.now // DAY * DAY
    await used(verifying, place, 150, midnight - 14 * DAY)
    await used(verifying, place, 999, midnight - 14 * DAY - 1)
    await used(verifying, place, 140, midnight - 3 * DAY)
    await database.write(lambda c: counts.prune(c, verifying.time.now))
    tally = await database.read(lambda c: counts.tally(c, place, verifying.time.now))
    assert tally.best_day == 150
    assert tally.country.verified_day == 0
    # max(20, 30, 0) in a day, max(3, 5, 0) in an hour
    assert blocked(await ask(verifying, 6)) == 1


async def test_windows_move(verifying: Verifying) -> None:
    place, database, time = place_of(TO, IP), verifying.world.database, verifying.time
    start = time.now
    await database.write(lambda c: counts.add_sent(c, place, start))

    async def window() -> tuple[int, int]:
        tally = await database.read(lambda c: counts.tally(c, place, time.now))
        assert tally.by_ip is not None
        assert tally.by_ip["US"] == tally.country == tally.ip
        return tally.country.unverified_hour, tally.country.unverified_day

    assert await window() == (1, 1)
    time.now = start + HOUR
    assert await window() == (1, 1)
    time.now = start + HOUR + 5 * MINUTE
    assert await window() == (0, 1)
    time.now = start + DAY
    assert await window() == (0, 1)
    time.now = start + DAY + 5 * MINUTE
    await database.write(lambda c: counts.prune(c, time.now))
    tally = await database.read(lambda c: counts.tally(c, place, time.now))
    assert tally.by_ip == {}
    assert await verifying.counts() == {}


async def test_addresses_of_many_countries(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "deny"})
    french, german, italian = "+33700000001", "+4915100000001", "+393100000001"
    await verifying.start(to=TO, ip=IP)
    await verifying.start(to=BRITISH, ip=IP)
    third = await verifying.start(to=french, ip=IP)
    with pytest.raises(BlockedByFraudGuard) as refused:
        await verifying.start(to=german, ip=IP)
    assert refused.value.retry_after == pytest.approx(86_400 + 300 - 120)
    assert (await verifying.decision_rows())[-1].reasons == "ip_countries"
    # A code that was used takes its country out.
    await use(verifying, third)
    assert await verifying.start(to=german, ip=IP)
    with pytest.raises(BlockedByFraudGuard):
        await verifying.start(to=italian, ip=IP)
    assert await verifying.start(to=italian, ip="192.0.2.99")


async def test_unused_codes_of_an_address(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "deny", "prefix_per_hour": 0})
    place = place_of(TO, None)
    await used(verifying, place, 600, verifying.time.now)
    assert blocked(await ask(verifying, 6, ip=IP)) == 1
    assert (await verifying.decision_rows())[-1].reasons == "ip_hour"
    verifying.time.pass_(HOUR + 5 * MINUTE)
    assert blocked(await ask(verifying, 5, 200, ip=IP)) == 0
    verifying.time.pass_(HOUR + 5 * MINUTE)
    results = await ask(verifying, 1, 300, ip=IP)
    assert blocked(results) == 1
    assert (await verifying.decision_rows())[-1].reasons == "ip_day"


async def test_numbers_of_one_block(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "deny", "prefix_per_hour": 2})
    await verifying.start(to=number(101))
    await verifying.start(to=number(102))
    with pytest.raises(BlockedByFraudGuard):
        await verifying.start(to=number(103))
    assert (await verifying.decision_rows())[-1].reasons == "prefix_hour"
    assert await verifying.start(to=number(103, "+1415556"))


@pytest.mark.parametrize(
    ("fraud", "allowed_by"),
    [
        ({"allow_networks": ["198.51.100.0/24", "192.0.2.0/24"]}, "network"),
        ({"allow_countries": ["us"]}, "country"),
        ({"allow_numbers": [r"\+1415\d{7}"]}, "number"),
        ({"allow_numbers": [r"1415"]}, None),
        ({"allow_networks": ["2001:db8::/32"], "allow_countries": ["GB"]}, None),
    ],
)
async def test_lists_of_the_allowed(
    verifying: Verifying, fraud: dict[str, Any], allowed_by: str | None
) -> None:
    verifying.set(fraud={"action": "deny", "prefix_per_hour": 0} | fraud)
    results = await ask(verifying, 4, ip=IP)
    assert blocked(results) == (0 if allowed_by else 1)
    last = (await verifying.decision_rows())[-1]
    assert last.allowed_by == allowed_by
    assert last.reasons == "country_hour"


async def test_tiers_of_countries(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "deny", "high_risk": ["US"], "low_risk": ["GB"]})
    assert blocked(await ask(verifying, 2)) == 1
    british = [f"+4477009{n:05}" for n in range(0, 90_000, 10_000)]
    results = []
    for to in british:
        try:
            results.append(await verifying.start(to=to))
        except BlockedByFraudGuard as error:
            results.append(error)  # type: ignore[arg-type]
    assert len(results) - blocked(results) == 6


async def test_country_that_gets_next_to_nothing(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "deny", "high_risk": ["US"], "high_risk_factor": 0.01})
    (error,) = await ask(verifying, 1)
    assert blocked([error]) == 1
    assert error.retry_after == 86_400


async def test_wait_until_enough_have_left_the_window(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "deny", "high_risk": ["US"], "high_risk_factor": 0.99})
    await ask(verifying, 1)
    verifying.time.pass_(10 * MINUTE)
    await ask(verifying, 1, 200)
    verifying.time.pass_(10 * MINUTE)
    await ask(verifying, 1, 300)
    verifying.set(fraud={"action": "deny", "high_risk": ["US"], "high_risk_factor": 0.61})
    (error,) = await ask(verifying, 1, 400)
    # A threshold of 2.03: two of the three must go; the second is 10 minutes old.
    assert error.retry_after == pytest.approx(3600 + 300 - 120 - 600)


async def test_blocked_country(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "off", "blocked": ["GB"]})
    with pytest.raises(Forbidden):
        await verifying.start(to=BRITISH)
    (row,) = await verifying.decision_rows()
    assert (row.verdict, row.reasons) == ("blocked", "country_blocked")


async def test_off(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "off"})
    assert blocked(await ask(verifying, 6)) == 0
    assert {row.verdict for row in await verifying.decision_rows()} == {"allowed"}


async def test_decoys_count_like_others(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "deny"})
    assert blocked(await ask(verifying, 4, decoy=True, purpose=Purpose.PASSWORD_RESET)) == 1


async def test_many_at_once_do_not_pass(verifying: Verifying) -> None:
    """Also between processes: what is counted is in the database."""
    verifying.set(fraud={"action": "deny"})
    results = await asyncio.gather(
        *(verifying.start(to=f"+1415{200 + n}0100") for n in range(20)), return_exceptions=True
    )
    assert blocked(results) == 17


async def test_unsent_codes_do_not_count(verifying: Verifying) -> None:
    verifying.set(fraud={"action": "deny"})
    for _ in range(9):
        with pytest.raises(Forbidden):
            await verifying.start(to="+19005550123")
    assert set((await verifying.counts()).values()) == {(0, 0, 0)}
    assert {row.verdict for row in await verifying.decision_rows()} == {"unsent"}


async def test_pages_of_decisions(verifying: Verifying) -> None:
    await ask(verifying, 5)
    guard = verifying.guard
    first = await guard.decisions(limit=2)
    assert [item.verdict for item in first] == [Verdict.FLAGGED] * 2
    second = await guard.decisions(after=first[-1].id, limit=9)
    assert len(second) == 3
    assert second[-1].reasons == ()
    assert len(await guard.decisions(verdicts=["flagged"])) == 2
    assert await guard.decisions(tenant="acme") == []


def test_addresses_as_they_count() -> None:
    assert ip_scope(None) is None
    assert ip_scope("192.0.2.1") == "192.0.2.1"
    assert ip_scope("::ffff:192.0.2.1") == "192.0.2.1"
    assert ip_scope("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"


def test_places() -> None:
    assert place_of("+14155550134", None) == Place("US", None, "+1415555")
    assert place_of("+9990001234567", None).country == "ZZ"
    assert place_of("+88212345678", None).country == "001"
    longest = place_of("+999123456789012", "2001:db8:1234:5678::1")
    assert all(len(scope) <= fraud_counts.c.scope.type.length for scope in longest.scopes)
