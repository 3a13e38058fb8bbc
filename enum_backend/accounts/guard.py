"""Failed logins: counted before the password is looked at, slowed down, never for good.

Each attempt takes a place in two counts first, and a success gives them back; so fifty
attempts at once are fifty attempts. Above `FREE` of them the next has to wait: one
second, two, four, ... at most fifteen minutes. An attempt that has to wait is not looked
at, and does not make the wait longer.

What is counted together decides who can lock out whom:

* per account, attempts of **strangers**: whoever guesses from anywhere;
* per account and **device**: a browser that has logged in before sends a signed cookie;
  its attempts are counted apart, so strangers cannot lock it out;
* per account and **place**: the same for programs without cookies, by the network of a
  former login (IPv4 /24, IPv6 /56);
* per **address**, over all accounts, known devices excepted.

An owner on a new device at a new place, while somebody guesses, still gets in by
resetting the password (`recovery.py`): the guesses do not count there.

Accounts are counted under what was typed, whether there is such an account or not.
Everything is in the database, as keyed hashes: a restart forgets nothing, and all
processes count together.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from enum_backend.accounts import devices
from enum_backend.accounts.model import Origin
from enum_backend.clock import now_ms
from enum_backend.errors import RateLimitExceeded
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import login_failures, login_places
from enum_backend.storage.upsert import insert_or_ignore

FIRST: Final = "login"
SECOND: Final = "second factor"
RESET: Final = "reset"

FREE: Final = {FIRST: 10, SECOND: 6}
"""Attempts in a row that nobody waits for."""
FREE_OF_ADDRESS: Final = {FIRST: 100, SECOND: 100, RESET: 30}
FIRST_WAIT_MS: Final = 1000
LONGEST_MS: Final = 900_000
FORGOTTEN_MS: Final = 86_400_000
"""A count that nothing was added to for so long starts anew."""
PLACE_MS: Final = 90 * 86_400_000
"""How long a place of a login counts as known."""


class Locked(RateLimitExceeded):
    """Too many failed attempts; try again later, or reset the password."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The places an attempt has taken; give them back after a success.

    Attributes:
        locks: the next attempt has to wait.
    """

    key: bytes
    address_key: bytes | None
    locks: bool


class Guard:
    """Counts attempts and says when one has to wait."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def take(self, scope: str, account: str, origin: Origin) -> Taken:
        """Count an attempt, before anything is compared.

        Args:
            scope: `FIRST`, `SECOND` or `RESET`.
            account: what was typed as the account, normalised; empty = count the
                address only.

        Raises:
            Locked: wait `retry_after` seconds.
        """
        return await self._database.write(lambda c: self.take_in(c, scope, account, origin))

    def take_in(self, connection: Connection, scope: str, account: str, origin: Origin) -> Taken:
        """The same, in the transaction that `Locked` is to undo."""
        now = now_ms()
        device = devices.name_of(self._sealer, account, origin.device)
        place = _network(origin.ip, _PLACE)
        known = self._is_known(connection, account, place, now)
        if device is not None:
            who = ("device", device)
        else:
            who = ("place", place) if known else ("strangers", "")
        key = self._key(scope, "account", account, *who)
        address_key = None
        wanted = {key: FREE[scope]} if account else {}
        if device is None:
            address_key = self._key(scope, "address", _network(origin.ip, _ADDRESS))
            wanted[address_key] = FREE_OF_ADDRESS[scope]
        return Taken(key, address_key, locks=_count(connection, wanted, now))

    def release_in(self, connection: Connection, taken: Taken) -> None:
        """What was shown is right: the account's count starts anew."""
        mine = login_failures.c.key == taken.key
        address = login_failures.c.key == taken.address_key
        fewer = (
            update(login_failures)
            .where(address, login_failures.c["count"] > 0)
            .values(count=login_failures.c["count"] - 1)
        )
        # In the order in which `take` locks them.
        if taken.address_key is not None and taken.address_key < taken.key:
            connection.execute(fewer)
        connection.execute(delete(login_failures).where(mine))
        if taken.address_key is not None and taken.address_key > taken.key:
            connection.execute(fewer)

    def first_today_in(self, connection: Connection, notice: str) -> bool:
        """Whether a notice goes out: the first within a day.

        Args:
            notice: to whom; one kind of notice uses this.
        """
        now = now_ms()
        row = {"key": self._key("notice", notice), "count": 0, "last_at": now, "blocked_until": 0}
        first = connection.execute(
            insert(login_failures)
            .values(row)
            .on_conflict_do_update(
                index_elements=["key"],
                set_={"last_at": now},
                where=login_failures.c.last_at <= now - FORGOTTEN_MS,
            )
            .returning(login_failures.c.key)
        ).first()
        return first is not None

    def settle_in(self, connection: Connection, account: str, origin: Origin) -> None:
        """The account is logged in: strangers' failures are forgotten, the place is known."""
        self.forgive_in(connection, account)
        row = {
            "account": self._key("account", account),
            "place": self._key("network", _network(origin.ip, _PLACE)),
        }
        seen = {"seen_at": now_ms()}
        if not connection.execute(insert_or_ignore(login_places).values(**row, **seen)).rowcount:
            connection.execute(update(login_places).where(_same(row)).values(**seen))

    def device_for(self, account: str) -> str:
        """A token for the client that has just logged in."""
        return devices.issue(self._sealer, account)

    def forgive_in(self, connection: Connection, account: str) -> None:
        """Lift every wait that strangers have brought upon an account."""
        for scope in FREE:
            key = self._key(scope, "account", account, "strangers", "")
            connection.execute(delete(login_failures).where(login_failures.c.key == key))

    def _is_known(self, connection: Connection, account: str, place: str, now: int) -> bool:
        row = {"account": self._key("account", account), "place": self._key("network", place)}
        query = select(login_places.c.seen_at).where(_same(row))
        seen = connection.execute(query).scalar()
        return seen is not None and seen > now - PLACE_MS

    def _key(self, *parts: str) -> bytes:
        return self._sealer.digest("login failures", *parts)


def sweep_in(connection: Connection) -> None:
    """Forget what has no effect any more."""
    now = now_ms()
    connection.execute(
        delete(login_failures).where(
            login_failures.c.last_at < now - FORGOTTEN_MS, login_failures.c.blocked_until < now
        )
    )
    connection.execute(delete(login_places).where(login_places.c.seen_at < now - PLACE_MS))


def _count(connection: Connection, wanted: dict[bytes, int], now: int) -> bool:
    """Add one to every count, or to none when one of them has to wait.

    Returns:
        Whether the next attempt has to wait.

    Raises:
        Locked
    """
    rows = [_locked(connection, key, now) for key in sorted(wanted)]
    wait = max(row.blocked_until for row in rows) - now
    if wait > 0:
        raise Locked(retry_after=wait / 1000)
    waits = [_add(connection, row, wanted[row.key], now) for row in rows]
    return any(waits)


def _locked(connection: Connection, key: bytes, now: int) -> Row[Any]:
    """The row of a count, made if there is none, and this transaction's until its end.

    One statement: between two, a success elsewhere could delete the row.
    """
    return connection.execute(
        insert(login_failures)
        .values(key=key, count=0, last_at=now, blocked_until=0)
        .on_conflict_do_update(index_elements=["key"], set_={"key": login_failures.c.key})
        .returning(login_failures)
    ).one()


def _add(connection: Connection, row: Row[Any], free: int, now: int) -> bool:
    count = 1 + (row._mapping["count"] if row.last_at > now - FORGOTTEN_MS else 0)
    wait = min(FIRST_WAIT_MS * 2 ** min(count - free, 20), LONGEST_MS) if count >= free else 0
    connection.execute(
        update(login_failures)
        .where(login_failures.c.key == row.key)
        .values(count=count, last_at=now, blocked_until=now + wait if wait else 0)
    )
    return wait > 0


def _same(row: dict[str, bytes]) -> Any:
    return (login_places.c.account == row["account"]) & (login_places.c.place == row["place"])


_ADDRESS: Final = {4: 32, 6: 64}
_PLACE: Final = {4: 24, 6: 56}
"""Bits of an address that count; nobody has only one address of an IPv6 network."""


def address_of(ip: str) -> str:
    """What counts as one address: an IPv4 address, an IPv6 /64."""
    return _network(ip, _ADDRESS).removesuffix("/32")


def _network(ip: str, bits: dict[int, int]) -> str:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip[:45]
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ipaddress.ip_network(f"{address}/{bits[address.version]}", strict=False))
