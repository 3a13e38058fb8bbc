"""What blocks say about the registration of the names they touch.

A name's registration is the height of its last name_new. Most touches leave no
doubt; where they do, the node is asked with `name_filter`, which is slow, so
only for those.
"""

from __future__ import annotations

from collections.abc import Iterable

from nvs.mirror.layout import Origin, Stored
from nvs.mirror.script import NameOp, Operation

ASK = Origin()
"""The node has to be asked."""


class Touches:
    """The names touched in a range of blocks, in order of the blocks.

    For each name None (its registration stays) or an `Origin`.
    """

    def __init__(self) -> None:
        self._origins: dict[bytes, Origin | None] = {}

    def __len__(self) -> int:
        return len(self._origins)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The names' keys."""
        return tuple(self._origins)

    def undone(self, keys: Iterable[bytes]) -> None:
        """Names of an abandoned block: their registration may have gone with it."""
        for key in keys:
            self._origins[key] = ASK

    def apply(self, key: bytes, op: NameOp, height: int) -> None:
        """One operation of a new block; it may be void."""
        if op.operation is not Operation.NEW:
            self._origins[key] = None if self._origins.get(key) is None else ASK
        elif key in self._origins:
            self._origins[key] = ASK
        else:
            self._origins[key] = Origin(height, op.txid)

    def origin(self, key: bytes, known: Stored | None, listed: Origin | None) -> Origin:
        """Where a name's registration comes from, before it is read.

        Args:
            known: what the mirror has of it.
            listed: what was noted when it was put off, None if it was not.
        """
        touch = self._origins.get(key)
        if listed is not None:
            return listed if touch is None else ASK
        if touch is not None:
            return touch
        return Origin(known.registered_at) if known is not None else ASK


def registration(origin: Origin, txid: str | None, known: Stored | None) -> int | None:
    """The height of the registration of a name as it was read, None if the node must be asked.

    With a single name_new since `known`, either that is still the name's
    transaction, or it was void (the name was taken) and nothing changed.
    """
    if origin.txid in {"", txid}:
        return origin.height
    return known.registered_at if known is not None else None
