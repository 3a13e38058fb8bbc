"""A routing decision: what is stored with a message, and what explain shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from enum_backend.messaging.gateways import SIMULATOR
from enum_backend.messaging.policy.sticky import Known


class Step(NamedTuple):
    """One routing rule and what came of it."""

    rule: str
    applied: bool
    why: str


@dataclass(frozen=True, slots=True)
class Route:
    """The decision.

    Attributes:
        destination: `+E.164` the SMS goes to.
        chain: gateway names, first to last; what is stored and dispatched.
        planned: the same for `live` mode, shown by explain.
        sender_gateway: the gateway that may use the request's sender.
        sender: the number to send from: the request's, else the one the recipient
            knows; None = each gateway's own.
        senders: gateway -> what the recipient may see as the sender (`senders_of`).
        decisive: the first gateway, those that might as well have come first, and those
            that would if they worked: who wants no messages from one of them gets none.
        knows: what the recipient knows of us once the first gateway has sent it; None = that
            is not remembered.
        learns: the same where it is to be written down; None = nothing new.
    """

    destination: str
    chain: tuple[str, ...]
    planned: tuple[str, ...]
    steps: tuple[Step, ...]
    sender_gateway: str | None = None
    sender: str | None = None
    senders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    decisive: frozenset[str] = frozenset()
    knows: Known | None = None
    learns: Known | None = None

    def simulated(self) -> Route:
        """The same decision, carried by the simulator: for test numbers."""
        step = Step("test number", True, "test numbers are never sent to: the simulator carries it")
        steps = (*self.steps, step)
        return replace(self, chain=(SIMULATOR,), steps=steps, knows=None, learns=None)

    def sender_names(self) -> dict[str, str]:
        """Gateway -> its sender in one word, as it is stored with the message."""
        return {gateway: senders[0] for gateway, senders in self.senders.items() if senders}
