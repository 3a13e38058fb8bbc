"""Whether somebody else may have the number now: a SIM that was changed lately.

NIST SP 800-63B-4, 3.2.9 wants signs of SIM swap and porting looked at before a code
goes to the telephone network. Few providers tell, for money, and not of every country:
no answer means nothing.
"""

from __future__ import annotations

from typing import Final, Protocol

SIM_SWAP: Final = "sim_swap"
"""The reason in decisions."""


class SimSwaps(Protocol):
    """Asks a provider."""

    async def swapped_since(self, number: str, since: int, tenant: str) -> bool | None:
        """Whether the SIM of `+E.164` was changed after a time (milliseconds).

        None = nobody knows. Never raises.
        """


class NoSimSwaps(SimSwaps):
    """No provider to ask."""

    async def swapped_since(self, number: str, since: int, tenant: str) -> bool | None:
        """None."""
        return None
