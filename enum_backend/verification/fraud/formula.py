"""How many codes may stay unused before something is wrong.

Source: Authgear, docs/specs/fraud-protection.md (SMS pumping). A number that is
counted includes the code which is asked for now, and exceeds a threshold when it is
greater. Days are the last 24 hours; the best of the last 14 days goes by UTC days.
The factor by country is what its section "Country Based Risk Classification" plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

IP_COUNTRIES: Final = 3
"""Countries per address and day in which nobody has used a code."""


class Excess(StrEnum):
    """What is too much; the names of the source are in its docstring's order.

    SMS__UNVERIFIED_OTPS__BY_PHONE_COUNTRY__DAILY and __HOURLY, __BY_IP__DAILY and
    __HOURLY, SMS__PHONE_COUNTRIES__BY_IP__DAILY; `prefix_hour` is ours.
    """

    COUNTRY_DAY = "country_day"
    COUNTRY_HOUR = "country_hour"
    IP_DAY = "ip_day"
    IP_HOUR = "ip_hour"
    IP_COUNTRIES = "ip_countries"
    PREFIX_HOUR = "prefix_hour"


@dataclass(frozen=True, slots=True)
class Window:
    """Codes of the last hour and of the last 24 hours, of one scope."""

    sent_hour: int = 0
    sent_day: int = 0
    unverified_hour: int = 0
    unverified_day: int = 0
    verified_hour: int = 0
    verified_day: int = 0

    def __add__(self, other: Window) -> Window:
        return Window(
            self.sent_hour + other.sent_hour,
            self.sent_day + other.sent_day,
            self.unverified_hour + other.unverified_hour,
            self.unverified_day + other.unverified_day,
            self.verified_hour + other.verified_hour,
            self.verified_day + other.verified_day,
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known when one more code is asked for; that code is not in it.

    Attributes:
        country: of the number.
        best_day: codes used in this country on the best of the last 14 days.
        by_ip: country -> what this address asked for; None = the address is not known.
        prefix: numbers that differ from this one in their last four digits only.
    """

    country: Window
    best_day: int = 0
    by_ip: Mapping[str, Window] | None = None
    prefix: Window = field(default_factory=Window)

    @property
    def ip(self) -> Window:
        """All countries of the address together."""
        return sum((self.by_ip or {}).values(), Window())


def country_day(tally: Tally, factor: float = 1.0) -> float:
    """Unused codes allowed for a country in a day."""
    return factor * max(20, tally.best_day / 5, tally.country.verified_day / 5)


def country_hour(tally: Tally, factor: float = 1.0) -> float:
    """Unused codes allowed for a country in an hour."""
    day = country_day(tally)
    return factor * max(3, day / 6, tally.country.verified_hour / 5)


def ip_day(tally: Tally) -> float:
    """Unused codes allowed for an address in a day."""
    return max(10, tally.ip.verified_day / 5)


def ip_hour(tally: Tally) -> float:
    """Unused codes allowed for an address in an hour."""
    return max(5, tally.ip.verified_day / 5 / 6)


def ip_countries(tally: Tally, country: str) -> int:
    """Countries that an address asked for in a day without ever using a code there."""
    by_ip = tally.by_ip or {}
    asked = {name for name, window in by_ip.items() if window.sent_day} | {country}
    return sum(1 for name in asked if not by_ip.get(name, Window()).verified_day)


def warnings(
    tally: Tally, country: str, *, factor: float = 1.0, prefix_per_hour: int = 0
) -> dict[Excess, float]:
    """What one more code for `country` exceeds, with its threshold.

    Args:
        factor: what the thresholds of the country are multiplied by.
        prefix_per_hour: 0 = prefixes are not looked at.
    """
    found: dict[Excess, float] = {}

    def check(warning: Excess, counted: int, threshold: float) -> None:
        if counted > threshold:
            found[warning] = threshold

    check(Excess.COUNTRY_DAY, tally.country.unverified_day + 1, country_day(tally, factor))
    check(Excess.COUNTRY_HOUR, tally.country.unverified_hour + 1, country_hour(tally, factor))
    if tally.by_ip is not None:
        check(Excess.IP_DAY, tally.ip.unverified_day + 1, ip_day(tally))
        check(Excess.IP_HOUR, tally.ip.unverified_hour + 1, ip_hour(tally))
        check(Excess.IP_COUNTRIES, ip_countries(tally, country), IP_COUNTRIES)
    if prefix_per_hour:
        check(Excess.PREFIX_HOUR, tally.prefix.unverified_hour + 1, prefix_per_hour)
    return found
