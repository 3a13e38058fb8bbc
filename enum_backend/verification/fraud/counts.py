"""Codes sent, used and not used, summed in buckets of five minutes.

Functions of a connection inside the transaction that starts or checks a code, so a
restart forgets nothing and all processes count together. Windows reach back to the
begin of a bucket: up to five minutes more than they say.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select, text, update

from enum_backend.numbers.offline import number_plan
from enum_backend.storage.tables import fraud_counts
from enum_backend.verification.fraud.formula import Excess, Tally, Window

BUCKET_MS: Final = 300_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
BEST_OF_DAYS: Final = 14
UNKNOWN_COUNTRY: Final = "ZZ"
"""Numbers that no country code begins."""

_ADD = text(
    "INSERT INTO fraud_counts (scope, bucket_at, country, sent, unverified, verified)"
    " VALUES (:scope, :bucket_at, :country, :sent, :unverified, :verified)"
    " ON CONFLICT (scope, bucket_at, country) DO UPDATE SET"
    " sent = fraud_counts.sent + excluded.sent,"
    " unverified = fraud_counts.unverified + excluded.unverified,"
    " verified = fraud_counts.verified + excluded.verified"
)
_SUMS = ", ".join(
    f"CAST(sum({part}) AS INTEGER) AS {name}_day,"
    f" CAST(sum(CASE WHEN bucket_at > :hour THEN {part} ELSE 0 END) AS INTEGER) AS {name}_hour"
    for name, part in (("sent", "sent"), ("unverified", "unverified"), ("verified", "verified"))
)
_READ = text(
    f"SELECT scope, country, {_SUMS} FROM fraud_counts"  # noqa: S608 - our own words
    " WHERE scope IN (:country, :ip, :prefix) AND bucket_at > :day GROUP BY scope, country"
)


_DRAIN = (
    update(fraud_counts)
    .where(
        fraud_counts.c.scope == bindparam("of_scope"),
        fraud_counts.c.bucket_at == bindparam("at"),
        fraud_counts.c.country == bindparam("of_country"),
        fraud_counts.c.unverified > 0,
    )
    .values(unverified=fraud_counts.c.unverified - 1)
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a code counts.

    Attributes:
        ip: the address, of IPv6 its /64 network, as one customer has it; None = not known.
        prefix: the number without its last four digits.
    """

    country: str
    ip: str | None
    prefix: str

    @property
    def scopes(self) -> tuple[str, ...]:
        """Names of its sums."""
        own = (f"country:{self.country}", f"prefix:{self.prefix}")
        return own if self.ip is None else (*own, f"ip:{self.ip}")


def place_of(number: str, ip: str | None) -> Place:
    """Where a code to `+E.164`, asked for from an address, counts."""
    return Place(number_plan(number).region or UNKNOWN_COUNTRY, ip_scope(ip), number[:-4])


def ip_scope(ip: str | None) -> str | None:
    """An address as it is counted; None for what is none."""
    if ip is None:
        return None
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def tally(connection: Connection, place: Place, now: int) -> Tally:
    """What is counted so far."""
    names = {
        "country": f"country:{place.country}",
        "ip": f"ip:{place.ip or ''}",
        "prefix": f"prefix:{place.prefix}",
    }
    since = {"hour": now - HOUR_MS - BUCKET_MS, "day": now - DAY_MS - BUCKET_MS}
    found = {
        (row.scope, row.country): Window(
            row.sent_hour,
            row.sent_day,
            row.unverified_hour,
            row.unverified_day,
            row.verified_hour,
            row.verified_day,
        )
        for row in connection.execute(_READ, names | since)
    }
    by_ip = {country: window for (scope, country), window in found.items() if scope == names["ip"]}
    return Tally(
        country=found.get((names["country"], place.country), Window()),
        best_day=_best_day(connection, place.country, now),
        by_ip=None if place.ip is None else by_ip,
        prefix=found.get((names["prefix"], place.country), Window()),
    )


def _best_day(connection: Connection, country: str, now: int) -> int:
    first = now - now % DAY_MS - BEST_OF_DAYS * DAY_MS
    best = connection.execute(
        select(func.max(fraud_counts.c.verified)).where(
            fraud_counts.c.scope == f"day:{country}", fraud_counts.c.bucket_at >= first
        )
    ).scalar()
    return int(best or 0)


def add_sent(connection: Connection, place: Place, now: int) -> None:
    """A code is sent, and not used yet."""
    _add(connection, place, now, sent=1, unverified=1)


def take_back(connection: Connection, place: Place, at: int) -> None:
    """What was counted at that time was not sent after all."""
    _add(connection, place, at, sent=-1, unverified=-1)


def drain(connection: Connection, place: Place, sent_at: list[int]) -> None:
    """A code is used: the messages that held it (their times) are unused no more."""
    for at in sent_at:
        bucket = {"at": at - at % BUCKET_MS, "of_country": place.country}
        rows = [{"of_scope": scope, **bucket} for scope in sorted(place.scopes)]
        connection.execute(_DRAIN, rows)


def add_verified(connection: Connection, place: Place, now: int) -> None:
    """A code is used."""
    _add(connection, place, now, verified=1)
    day = {"scope": f"day:{place.country}", "bucket_at": now - now % DAY_MS}
    connection.execute(
        _ADD, day | {"country": place.country, "sent": 0, "unverified": 0, "verified": 1}
    )


def _add(
    connection: Connection,
    place: Place,
    at: int,
    *,
    sent: int = 0,
    unverified: int = 0,
    verified: int = 0,
) -> None:
    amounts = {"sent": sent, "unverified": unverified, "verified": verified}
    bucket = {"bucket_at": at - at % BUCKET_MS, "country": place.country}
    # In one order everywhere, so that two transactions do not wait for each other.
    rows = [{"scope": scope, **bucket, **amounts} for scope in sorted(place.scopes)]
    connection.execute(_ADD, rows)


def seconds_until(
    connection: Connection, place: Place, exceeded: dict[Excess, float], now: int
) -> float:
    """When one more code exceeds none of these thresholds, if none is asked for meanwhile."""
    waits = [
        _wait(connection, scope, window, 0 if warning is Excess.IP_COUNTRIES else threshold, now)
        for warning, threshold in exceeded.items()
        for scope, window in [_SCOPES[warning](place)]
    ]
    return max(waits, default=0.0)


_SCOPES: Final[dict[Excess, Callable[[Place], tuple[str, int]]]] = {
    Excess.COUNTRY_DAY: lambda place: (f"country:{place.country}", DAY_MS),
    Excess.COUNTRY_HOUR: lambda place: (f"country:{place.country}", HOUR_MS),
    Excess.IP_DAY: lambda place: (f"ip:{place.ip}", DAY_MS),
    Excess.IP_HOUR: lambda place: (f"ip:{place.ip}", HOUR_MS),
    Excess.IP_COUNTRIES: lambda place: (f"ip:{place.ip}", DAY_MS),
    Excess.PREFIX_HOUR: lambda place: (f"prefix:{place.prefix}", HOUR_MS),
}


def _wait(connection: Connection, scope: str, window: int, threshold: float, now: int) -> float:
    rows = connection.execute(
        select(fraud_counts.c.bucket_at, func.sum(fraud_counts.c.unverified))
        .where(fraud_counts.c.scope == scope, fraud_counts.c.bucket_at > now - window - BUCKET_MS)
        .group_by(fraud_counts.c.bucket_at)
        .order_by(fraud_counts.c.bucket_at)
    ).all()
    left = sum(int(count) for _, count in rows)
    for bucket_at, count in rows:
        left -= int(count)
        if left + 1 <= max(threshold, 1):
            return float((bucket_at + window + BUCKET_MS - now) / 1000)
    return window / 1000


def prune(connection: Connection, now: int) -> None:
    """Forget what no window reaches any more."""
    first = now - now % DAY_MS - BEST_OF_DAYS * DAY_MS
    connection.execute(
        delete(fraud_counts).where(
            (fraud_counts.c.bucket_at < first)
            | (
                fraud_counts.c.scope.not_like("day:%")
                & (fraud_counts.c.bucket_at < now - DAY_MS - BUCKET_MS)
            )
        )
    )
