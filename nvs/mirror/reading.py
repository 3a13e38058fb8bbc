"""Reading names from the node as they are at one block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nvs.consent import Question
from nvs.errors import UnusableAnswer
from nvs.mirror.entries import stored
from nvs.mirror.keys import name_of
from nvs.mirror.layout import Origin, Stored
from nvs.mirror.node import Node
from nvs.mirror.store import Store
from nvs.mirror.tables import Tables
from nvs.mirror.touches import registration
from nvs.name_info import NameInfo

MAX_UNREADABLE = 30
"""More names than these that the node cannot tell about, and it is the node that is in trouble."""

_NEVER = 2**32 - 1


class TipMoved(Exception):
    """Blocks arrived or went while something was read; it has to be read again."""


@dataclass(frozen=True, slots=True)
class Tip:
    """The best block during a reading."""

    hash: str
    height: int


async def require_tip(node: Node, tip: str) -> None:
    """Make sure that a block is still the best one, so that what was read belongs to it.

    Raises:
        TipMoved: it is not.
        NvsUnavailable: no answer.
    """
    if await node.best_hash() != tip:
        raise TipMoved


async def read_names(
    node: Node, store: Store, origins: Mapping[bytes, Origin], tip: Tip
) -> dict[bytes, Stored | None]:
    """The names as they are at `tip`; None for those that do not exist, or are deleted.

    Raises:
        TipMoved: it is not the best block any more.
        UnusableAnswer: the node cannot tell about too many names.
        NvsUnavailable: no answer.
    """
    with store.read() as tables:
        known = {key: stored(tables, key) for key in origins}
        unreadable = _unreadable_names(tables)
    names = {key: name_of(key) for key in origins}
    infos = await node.names(names.values())
    found: dict[bytes, Stored | None] = {}
    made: dict[bytes, Stored] = {}
    unsure: list[bytes] = []
    signed: dict[bytes, Question] = {}
    for key, name in names.items():
        info = infos[name]
        if isinstance(info, UnusableAnswer):
            unreadable += 1
            if unreadable > MAX_UNREADABLE:
                raise info
            found[key] = _unreadable(known[key])
            continue
        found[key] = shown = _stored(info, tip)
        if shown is None or info is None:
            continue
        registered_at = registration(origins[key], info.txid, known[key])
        made[key] = replace(shown, registered_at=registered_at)
        if registered_at is None:
            unsure.append(key)
        if shown.address in node.signers:
            signed[key] = Question(info.txid, shown.address)
    if unsure:
        registered = await node.registrations(names[key] for key in unsure)
        for key in unsure:
            made[key] = replace(made[key], registered_at=registered.get(names[key]))
    if signed:
        told = await node.consents(signed.values())
        for key, asked in signed.items():
            made[key] = replace(made[key], consent=told[asked])
    await require_tip(node, tip.hash)
    found.update(made)
    return found


def _unreadable_names(tables: Tables) -> int:
    """Of those to be tried again; the others only lack their signer."""
    names = (stored(tables, key) for key in tables.keys("retry"))
    return sum(name is not None and not name.readable for name in names)


def _stored(info: NameInfo | None, tip: Tip) -> Stored | None:
    if info is None:
        return None
    if info.expires_at - info.expires_in != tip.height:
        raise TipMoved
    if info.deleted:
        return None
    return Stored(info.value, info.address, info.expires_at)


def _unreadable(known: Stored | None) -> Stored:
    if known is not None:
        return replace(known, readable=False)
    return Stored(b"", None, _NEVER, None, readable=False)
