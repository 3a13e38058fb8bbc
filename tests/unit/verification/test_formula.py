"""The published formula, against figures of its source and a second reading of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.verification.fraud.formula import (
    Excess,
    Tally,
    Window,
    country_day,
    country_hour,
    ip_countries,
    ip_day,
    ip_hour,
    warnings,
)


def of_country(unverified: int = 0, *, best: int = 0, day: int = 0, hour: int = 0) -> Tally:
    return Tally(
        Window(0, 0, unverified, unverified, verified_hour=hour, verified_day=day), best_day=best
    )


@pytest.mark.parametrize(
    ("best", "day", "hour", "day_threshold", "hour_threshold"),
    [
        # The tables of the source: 1000 a day, then fewer than 20 a day.
        (0, 300, 300, 60, 60),
        (1000, 1000, 200, 200, 40),
        (1000, 2000, 400, 400, 80),
        (1000, 500, 100, 200, 200 / 6),
        (0, 10, 10, 20, 20 / 6),
        (15, 15, 5, 20, 20 / 6),
        (15, 30, 10, 20, 20 / 6),
        (0, 0, 0, 20, 20 / 6),
        (101, 0, 0, 20.2, 20.2 / 6),
    ],
)
def test_thresholds_of_a_country(
    best: int, day: int, hour: int, day_threshold: float, hour_threshold: float
) -> None:
    tally = of_country(best=best, day=day, hour=hour)
    assert country_day(tally) == pytest.approx(day_threshold)
    assert country_hour(tally) == pytest.approx(hour_threshold)
    assert country_day(tally, 0.5) == pytest.approx(day_threshold / 2)
    assert country_hour(tally, 2) == pytest.approx(hour_threshold * 2)


@pytest.mark.parametrize(
    ("verified", "day", "hour"),
    [(0, 10, 5), (50, 10, 5), (100, 20, 5), (180, 36, 6), (600, 120, 20)],
)
def test_thresholds_of_an_address(verified: int, day: float, hour: float) -> None:
    tally = Tally(Window(), by_ip={"US": Window(verified_day=verified)})
    assert (ip_day(tally), ip_hour(tally)) == (day, hour)


def test_the_code_that_is_asked_for_counts() -> None:
    hourly = {Excess.COUNTRY_HOUR}
    assert warnings(of_country(2), "US") == {}
    assert set(warnings(of_country(3), "US")) == hourly
    assert set(warnings(of_country(19), "US")) == hourly
    assert set(warnings(of_country(20), "US")) == hourly | {Excess.COUNTRY_DAY}
    assert warnings(of_country(4, best=120), "US") == {Excess.COUNTRY_HOUR: 4}


def test_address() -> None:
    def asked(unverified_hour: int, unverified_day: int) -> Tally:
        window = Window(0, 99, unverified_hour, unverified_day, verified_day=1)
        return Tally(Window(), by_ip={"US": window})

    assert warnings(asked(4, 4), "US") == {}
    assert warnings(asked(5, 5), "US") == {Excess.IP_HOUR: 5}
    assert warnings(asked(0, 9), "US") == {}
    assert warnings(asked(0, 10), "US") == {Excess.IP_DAY: 10}
    # Nothing is known of an address that is not told.
    assert warnings(Tally(Window()), "US") == {}


def test_address_sums_its_countries() -> None:
    by_ip = {"US": Window(1, 1, 3, 3, 1, 1), "GB": Window(1, 1, 2, 2, 1, 1)}
    tally = Tally(Window(), by_ip=by_ip)
    assert tally.ip == Window(2, 2, 5, 5, 2, 2)
    assert set(warnings(tally, "US")) == {Excess.IP_HOUR}


def test_countries_of_an_address() -> None:
    asked = Window(sent_day=1)
    used = Window(sent_day=1, verified_day=1)
    long_ago = Window()
    tally = Tally(Window(), by_ip={"US": asked, "GB": asked, "FR": used, "DE": long_ago})
    assert ip_countries(tally, "US") == 2
    assert ip_countries(tally, "IT") == 3
    assert warnings(tally, "IT") == {}
    three = Tally(Window(), by_ip={"US": asked, "GB": asked, "IT": asked, "FR": used})
    assert warnings(three, "ES") == {Excess.IP_COUNTRIES: 3}
    assert warnings(three, "FR") == {}


def test_prefix() -> None:
    tally = Tally(Window(), prefix=Window(unverified_hour=10))
    assert warnings(tally, "US") == {}
    assert warnings(tally, "US", prefix_per_hour=11) == {}
    assert warnings(tally, "US", prefix_per_hour=10) == {Excess.PREFIX_HOUR: 10}


counts = st.integers(0, 5000)


@given(counts, counts, counts, counts, counts, counts, counts)
def test_second_reading(
    best: int, day: int, hour: int, unused_day: int, unused_hour: int, ip_used: int, ip_unused: int
) -> None:
    """With integers only, as the source writes it down."""
    tally = Tally(
        Window(0, 0, unused_hour, unused_day, hour, day),
        best_day=best,
        by_ip={"US": Window(0, 1, ip_unused, ip_unused, 0, ip_used)},
    )
    over_day = all(5 * (unused_day + 1) > limit for limit in (100, best, day))
    over_hour = all(30 * (unused_hour + 1) > limit for limit in (90, 100, best, day, 6 * hour))
    found = set(warnings(tally, "US"))
    assert (Excess.COUNTRY_DAY in found) == over_day
    assert (Excess.COUNTRY_HOUR in found) == over_hour
    assert (Excess.IP_DAY in found) == (ip_unused + 1 > 10 and 5 * (ip_unused + 1) > ip_used)
    assert (Excess.IP_HOUR in found) == (ip_unused + 1 > 5 and 30 * (ip_unused + 1) > ip_used)
