"""Writing one name, with every index that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nvs.consent import Consent
from nvs.mirror.keys import E164_MARK, ENUMER_MARK, digits_of, name_of
from nvs.mirror.layout import Past, Stored, height_key, owner_key
from nvs.mirror.tables import Tables
from nvs.sms_target import sms_target

_FIRST_INDEX = ENUMER_MARK + b"\0\0"


@dataclass(frozen=True, slots=True)
class NameChange:
    """One name before and after a commit; None where it was, or is, not there.

    `before_live` and `live` say whether consensus counted it: a name that only
    expired has the same `before` and `after`.
    """

    name: str
    before: Stored | None
    after: Stored | None
    before_live: bool
    live: bool

    @property
    def moved(self) -> bool:
        """Whether a live name went from one owner address to another."""
        if self.before is None or self.after is None or not (self.before_live and self.live):
            return False
        addresses = {self.before.address, self.after.address}
        return len(addresses) == 2 and None not in addresses


def stored(tables: Tables, key: bytes) -> Stored | None:
    """What is kept of a name."""
    octets = tables.get("names", key)
    return None if octets is None else Stored.unpack(octets)


def put_name(tables: Tables, key: bytes, new: Stored | None, height: int) -> Stored | None:
    """Set or remove a name at a height; what was there before."""
    old = stored(tables, key)
    if old == new:
        return old
    _put_indexes(tables, key, old, new)
    _put_past(tables, key, old, new)
    if new is None:
        tables.delete("names", key)
    else:
        tables.put("names", key, new.pack())
    _renumber(tables, key, height)
    return old


def put_consent(tables: Tables, key: bytes, name: Stored, consent: Consent) -> None:
    """Set what is known about the signer of a kept name."""
    new = replace(name, consent=consent)
    _put_indexes(tables, key, name, new)
    tables.put("names", key, new.pack())


def settle_expiry(tables: Tables, old_height: int, new_height: int) -> list[bytes]:
    """Follow a change of height: which names died, or live again after a reorganisation.

    A name lives while height <= expires_at, so exactly those with an
    `expires_at` from the lower height on, below the higher one, change.
    """
    start, end = height_key(min(old_height, new_height)), height_key(max(old_height, new_height))
    changed = [key[4:] for key in tables.keys_below("expiry", start, end)]
    for key in changed:
        _renumber(tables, key, new_height)
    return changed


def sms_digits(key: bytes, value: bytes) -> bytes | None:
    """The digits of the number that takes a name's SMS, None where it takes none."""
    own = digits_of(key)
    target = None if own is None else sms_target(own.decode(), value)
    return None if target is None else target.encode()


def _put_indexes(tables: Tables, key: bytes, old: Stored | None, new: Stored | None) -> None:
    before, after = _index_pairs(key, old), _index_pairs(key, new)
    for pair in before - after:
        tables.delete(*pair)
    for pair in after - before:
        tables.put(*pair)


def _index_pairs(key: bytes, name: Stored | None) -> set[tuple[str, bytes, bytes]]:
    if name is None:
        return set()
    pairs = {("expiry", height_key(name.expires_at) + key, b"")}
    if not name.readable or name.consent is Consent.UNREAD:
        pairs.add(("retry", key, b""))
    if name.address is not None:
        pairs.add(("owners", owner_key(name.address), key))
    if (digits := sms_digits(key, name.value)) is not None:
        pairs.add(("sms", digits, key))
    return pairs


def _put_past(tables: Tables, key: bytes, old: Stored | None, new: Stored | None) -> None:
    """Remember who had a name that goes away, and notice who comes back."""
    octets = tables.get("ledger", key)
    past = None if octets is None else Past.unpack(octets)
    if past is None and old is not None:
        past = Past(old.address, old.registered_at, old.address)
    if past is None:
        return
    if old is not None:
        past = replace(past, last_address=old.address)
    if new is None:
        tables.put("ledger", key, past.pack())
    elif _anew(old, new) and new.address != past.last_address:
        past = replace(past, lapses=past.lapses + 1, lapsed_at=new.registered_at)
        tables.put("ledger", key, past.pack())


def _anew(old: Stored | None, new: Stored) -> bool:
    """Whether `new` is another registration than `old`."""
    if old is None:
        return True
    known = old.registered_at is not None and new.registered_at is not None
    return known and old.registered_at != new.registered_at


def _renumber(tables: Tables, key: bytes, height: int) -> None:
    """Put a number into the index of numbers, or take it out.

    A number counts while its e164.arpa name or its index 0 lives.
    """
    digits = digits_of(key)
    if digits is None:
        return
    for mark in (E164_MARK, _FIRST_INDEX):
        name = stored(tables, digits + mark)
        if name is not None and name.live(height):
            tables.put("numbers", digits)
            return
    tables.delete("numbers", digits)


def change_of(
    key: bytes, before: Stored | None, after: Stored | None, old_height: int, height: int
) -> NameChange:
    """A change, with what consensus thought before and thinks now."""
    return NameChange(
        name=name_of(key),
        before=before,
        after=after,
        before_live=before is not None and before.live(old_height),
        live=after is not None and after.live(height),
    )
