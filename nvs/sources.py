"""Where entries come from."""

from __future__ import annotations

from typing import Protocol

from nvs.file_source import FileSource
from nvs.memory_source import MemorySource
from nvs.number_record import Entry, Reading, SourceStatus
from nvs.rpc_source import RpcSource

__all__ = ["FileSource", "MemorySource", "RecordSource", "RpcSource"]


class RecordSource(Protocol):
    """Reads the live entries of one number.

    Implementations drop expired and deleted names and everything behind
    ENUMER's first gap, so that callers only ever see what counts.
    """

    @property
    def knows_prefixes(self) -> bool:
        """Whether `has_longer` can be answered (a live node cannot be asked)."""
        ...

    async def read(self, digits: str) -> Reading:
        """Live entries of `14155551234`, in reading order; none is a valid answer.

        Raises:
            NvsUnavailable: nothing is known about the number now.
        """
        ...

    async def entry(self, name: str) -> Entry | None:
        """One live name of any kind (a verifier, a revocation list, toll-free rules).

        Raises:
            NvsUnavailable: the name cannot be read now, or this source does not
                keep names of that kind; nothing is known about it.
        """
        ...

    def has_longer(self, digits: str) -> bool:
        """Whether some live number starts with `digits` and is longer (an empty non-terminal)."""
        ...

    def names_of_sms(self, digits: str) -> tuple[Entry, ...]:
        """The live entries whose SMS goes to `14155551234`; none where nobody can be asked.

        Raises:
            NvsUnavailable: nothing is known now.
        """
        ...

    @property
    def generation(self) -> int:
        """Grows whenever the content may have changed; used as DNS SOA serial. 1..2**32-1."""
        ...

    def status(self) -> SourceStatus:
        """Health and figures; never blocks."""
        ...

    async def close(self) -> None:
        """Release threads and connections."""
        ...
