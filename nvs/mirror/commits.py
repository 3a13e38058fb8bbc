"""Every change of a mirror's state, each one transaction.

What always holds after a commit: each kept name is as it was at the head's
block, except those in `todo` and those of the shards in `shards`. Whatever
interrupts the work, it goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from nvs.consent import Consent
from nvs.mirror.entries import NameChange, change_of, put_consent, put_name, settle_expiry, stored
from nvs.mirror.errors import MirrorUnusable
from nvs.mirror.keys import name_of
from nvs.mirror.kinds import Kinds
from nvs.mirror.layout import (
    LAYOUT,
    UPGRADED,
    Head,
    Info,
    Origin,
    Stored,
    height_key,
    owner_key,
    pack_block,
)
from nvs.mirror.node import SKIPPED_LIMIT, Listed
from nvs.mirror.reading import Tip
from nvs.mirror.route import KEEP_BLOCKS, Route
from nvs.mirror.shards import Shard, first_shards
from nvs.mirror.tables import Tables
from nvs.mirror.touches import ASK

_MAX_GENERATION = 2**32 - 1


def begin(tables: Tables, tip: Tip, genesis: str, kinds: Kinds) -> None:
    """Start a first sync at a block; everything is still to be listed."""
    tables.put_head(Head(1, tip.height, tip.hash, complete=False))
    tables.put_info(Info(genesis, wanted=sorted(kinds.words)))
    for word in kinds.words:
        _list(tables, word)


def adopt_kinds(tables: Tables, kinds: Kinds) -> None:
    """Follow a change of what is to be kept: list what is new, drop what is not wanted any more.

    Raises:
        MirrorUnusable: made by a newer version.
    """
    info = tables.info()
    if info is None:
        return
    if info.layout not in {LAYOUT, *UPGRADED}:
        raise MirrorUnusable(f"the mirror has layout {info.layout}, this version reads {LAYOUT}")
    info.layout = LAYOUT
    dropped = set(info.wanted) - kinds.words
    for word in kinds.words - set(info.wanted):
        _list(tables, word)
    if dropped:
        _drop(tables, kinds, dropped)
    info.kinds = sorted(set(info.kinds) & kinds.words)
    info.wanted = sorted(kinds.words)
    tables.put_info(info)


def adopt_signers(tables: Tables, signers: frozenset[str]) -> None:
    """Follow a change of the addresses whose names' transactions are looked at.

    Their names are read again as long as nothing is known for good. What nobody
    looked at yet counts as not signed until then.
    """
    for address in signers:
        for key, name in _names_of(tables, address):
            if name.consent.final:
                continue
            if name.consent is Consent.NOT_ASKED:
                put_consent(tables, key, name, Consent.UNREAD)
            if tables.get("todo", key) is None:
                tables.put("todo", key, Origin(name.registered_at).pack())
    for address in tables.signers() - signers:
        for key, name in _names_of(tables, address):
            put_consent(tables, key, name, Consent.NOT_ASKED)
    tables.put_signers(signers)


def _names_of(tables: Tables, address: str) -> Iterator[tuple[bytes, Stored]]:
    for key in tables.duplicates("owners", owner_key(address)):
        name = stored(tables, key)
        if name is not None and name.address == address:
            yield key, name


def _list(tables: Tables, word: str) -> None:
    for shard in first_shards(word):
        tables.put("shards", shard.key())


def _drop(tables: Tables, kinds: Kinds, words: set[str]) -> None:
    for key in tables.keys("shards"):
        if Shard.from_key(key).kind in words:
            tables.delete("shards", key)
    for db in ("names", "todo"):
        for key in tables.keys(db, b"="):
            if kinds.key(name_of(key)) is None:
                put_name(tables, key, None, 0)
                for other in ("todo", "ledger"):
                    tables.delete(other, key)


def restart(tables: Tables, tip: Tip, kinds: Kinds) -> None:
    """Distrust everything: list and read it anew, at another block."""
    head, info = _state(tables)
    for key in tables.keys("names"):
        tables.put("todo", key, ASK.pack())
    settle_expiry(tables, head.height, tip.height)
    tables.clear("blocks")
    tables.clear("shards")
    for word in kinds.words:
        _list(tables, word)
    tables.put_head(Head(_next(head), tip.height, tip.hash, complete=False))
    tables.put_info(replace(info, kinds=[], skipped=0, total=tables.count("todo")))


def note_listed(tables: Tables, shard: Shard, rows: Iterable[Listed], kinds: Kinds) -> None:
    """Put a shard's names on the list of those to be read."""
    _, info = _state(tables)
    before = tables.count("todo")
    for row in rows:
        key = kinds.key(row.name)
        if key is None:
            info.skipped += 1
        else:
            tables.put("todo", key, Origin(row.registered_at).pack())
    tables.delete("shards", shard.key())
    info.total += tables.count("todo") - before
    tables.put_info(info)


def note_split(tables: Tables, shard: Shard) -> None:
    """A shard had too many names: list its parts, or stop counting."""
    _, info = _state(tables)
    tables.delete("shards", shard.key())
    if shard.skipped:
        info.skipped += SKIPPED_LIMIT
        tables.put_info(info)
        return
    for part in shard.split():
        tables.put("shards", part.key())


def note_read(tables: Tables, names: Mapping[bytes, Stored | None]) -> list[NameChange]:
    """Keep names that were read at the head's block; what changed, once complete."""
    head, _ = _state(tables)
    changes = _put(tables, names, head, head.height)
    if head.complete:
        tables.put_head(replace(head, generation=_next(head)))
    return changes


def note_finished(tables: Tables) -> None:
    """Nothing is left to be read: the mirror knows every name that it wants."""
    head, info = _state(tables)
    info.kinds, info.total = list(info.wanted), 0
    tables.put_info(info)
    tables.put_head(replace(head, generation=_next(head), complete=True))


def note_route(
    tables: Tables, route: Route, names: Mapping[bytes, Stored | None] | None
) -> list[NameChange]:
    """Go to the end of a route, with the names it touches as they were read there.

    `names` None: they have not been read (the route does not reach the best
    block, or touches too many), and are put off.
    """
    head, info = _state(tables)
    end = route.end
    tables.forget_blocks(from_height=route.fork.height + 1, below=head.height + 1)
    for block in route.blocks:
        octets = pack_block(block.hash, block.touched)
        tables.put("blocks", height_key(block.height), octets)
    tables.forget_blocks(below=end.height - KEEP_BLOCKS)
    if names is None:
        _put_off(tables, route)
        info.total = max(info.total, tables.count("todo"))
    changes = _put(tables, names or {}, head, end.height)
    expired = settle_expiry(tables, head.height, end.height)
    if head.complete:
        unchanged = [key for key in expired if names is None or key not in names]
        for key in unchanged:
            name = stored(tables, key)
            changes.append(change_of(key, name, name, head.height, end.height))
    info.skipped += route.skipped
    tables.put_info(info)
    tables.put_head(replace(head, generation=_next(head), height=end.height, hash=end.hash))
    return changes


def origins_of(tables: Tables, route: Route, retry: Iterable[bytes] = ()) -> dict[bytes, Origin]:
    """Where the registration of each name comes from that a route touches, or `retry` names."""
    found = {}
    for key in (*route.touches.keys, *retry):
        noted = tables.get("todo", key)
        listed = None if noted is None else Origin.unpack(noted)
        found[key] = route.touches.origin(key, stored(tables, key), listed)
    return found


def _put_off(tables: Tables, route: Route) -> None:
    for key, origin in origins_of(tables, route).items():
        tables.put("todo", key, origin.pack())


def _put(
    tables: Tables, names: Mapping[bytes, Stored | None], head: Head, height: int
) -> list[NameChange]:
    changes = []
    for key, name in names.items():
        old = put_name(tables, key, name, height)
        tables.delete("todo", key)
        if head.complete and old != name:
            changes.append(change_of(key, old, name, head.height, height))
    return changes


def _state(tables: Tables) -> tuple[Head, Info]:
    head, info = tables.head(), tables.info()
    if head is None or info is None:
        raise MirrorUnusable("the mirror has lost its state")
    return head, info


def _next(head: Head) -> int:
    return min(head.generation + 1, _MAX_GENERATION)
