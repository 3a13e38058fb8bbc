"""Replayed signatures, told by the mirror's memory of lapsed names."""

from __future__ import annotations

from nvs.errors import NvsUnavailable
from nvs.ledger import FirstSight
from nvs.mirror.reader import MirrorReader


class LapseLedger:
    """A `SignatureLedger` that needs no memory of its own and follows reorganisations.

    The mirror remembers names that lapsed and were registered anew by somebody
    else. A signature covers the name alone and signing is deterministic, so one
    that is valid for such a name may be the first owner's: it does not count.
    The verifier vouches for the new owner under another verifier name or key.
    """

    def __init__(self, reader: MirrorReader) -> None:
        self._reader = reader

    def first_seen(
        self, name: str, signature_hash: bytes, address: str | None, registered_at: int | None
    ) -> FirstSight | None:
        """See `SignatureLedger`."""
        del signature_hash, address
        try:
            past = self._reader.past(name)
        except NvsUnavailable:
            return None
        if past is None or past.lapses == 0 or past.first_registered_at == registered_at:
            return None
        return past.first_address, past.first_registered_at
