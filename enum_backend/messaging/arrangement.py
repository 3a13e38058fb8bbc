"""Puts a chosen chain in order: strategy, the number a recipient knows, broken gateways last."""

from __future__ import annotations

from dataclasses import dataclass

from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.policy.sticky import Known, StickySenders
from enum_backend.messaging.senders import own_numbers
from enum_backend.messaging.strategies import Ordered, Strategies, number_for
from enum_backend.settings.policy import Strategy

Said = tuple[str, bool, str]
"""A step: rule, whether it applied, why."""

NAMED = "a rule names the gateway"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A chain as the rules chose it.

    Attributes:
        chain: what the strategy orders.
        rest: what follows when an error allows it, as declared.
        strategy: None = a rule names the gateway, nothing is to be ordered.
        sender: the number to send from, if the request names one.
        usual: the strategy where no rule names the gateway; None = the recipient is not to
            remember this message.
    """

    tenant: str
    destination: str
    chain: tuple[str, ...]
    rest: tuple[str, ...]
    strategy: Strategy | None
    sender: str | None
    usual: Strategy | None


@dataclass(frozen=True, slots=True)
class Arranged:
    """The chain in order.

    Attributes:
        sender: the number that the first gateway is told to send from; None = its own.
        decisive: gateways that come first, might as well have, or would if they worked.
        knows: what the recipient knows once the first gateway has sent it; None = that is
            not remembered.
        learns: the same where it is to be written down; None = nothing new.
    """

    chain: tuple[str, ...]
    steps: tuple[Said, ...]
    sender: str | None
    decisive: frozenset[str]
    knows: Known | None
    learns: Known | None


class Arranger:
    """Arranges chains.

    Args:
        sticky: True, False, or None = where gateways take turns.
        known: what recipients know; None = nothing is remembered.
    """

    def __init__(
        self,
        pool: GatewayPool,
        strategies: Strategies,
        *,
        sticky: bool | None = None,
        known: StickySenders | None = None,
    ) -> None:
        self._pool = pool
        self._strategies = strategies
        self._sticky = sticky
        self._known = known

    async def arrange(self, wanted: Wanted, *, take_turn: bool) -> Arranged:
        """The order of a chain, and the steps that led to it.

        Raises:
            DatabaseUnavailable: what the recipient knows cannot be read.
        """
        usable = tuple(name for name in wanted.chain if self._works(name)) or wanted.chain
        stored = await self._stored(wanted)
        known, sticky_step = self._recall(wanted, usable, stored)
        ordered = self._ordered(wanted, usable, take_turn=take_turn and known is None)
        first = (known.gateway,) if known else ()
        every = dict.fromkeys((*first, *ordered.chain, *wanted.rest, *wanted.chain))
        broken = tuple(name for name in every if not self._works(name))
        chain = (*(name for name in every if name not in broken), *broken)
        sender = self._number(wanted, chain, known)
        knows = self._knows(wanted, chain, sender)
        strategy_step = ("strategy", wanted.strategy is not None, ordered.why)
        return Arranged(
            chain=chain,
            steps=(sticky_step, strategy_step, _health_step(broken)),
            sender=sender,
            decisive=self._decisive(wanted, chain, ordered, stored),
            knows=knows,
            learns=None if self._stands(stored, knows) else knows,
        )

    def _works(self, name: str) -> bool:
        # One that is half open keeps its place: only messages can show that it works again.
        return self._pool.health(name) != "open"

    def _is_sticky(self, wanted: Wanted) -> bool:
        return wanted.sender is None and self._remembers(wanted)

    def _remembers(self, wanted: Wanted) -> bool:
        """Whether what sends this message is kept in mind: also where the request names it."""
        strategy = wanted.strategy if wanted.sender is None else wanted.usual
        if self._known is None or strategy is None:
            return False
        return bool(self._sticky) or (self._sticky is None and strategy == "round_robin")

    async def _stored(self, wanted: Wanted) -> Known | None:
        if self._known is None or not self._remembers(wanted):
            return None
        return await self._known.find(wanted.tenant, wanted.destination)

    def _recall(
        self, wanted: Wanted, usable: tuple[str, ...], known: Known | None
    ) -> tuple[Known | None, Said]:
        if not self._is_sticky(wanted):
            why = "the request names the sender" if wanted.sender is not None else "off"
            return None, ("sticky", False, NAMED if wanted.strategy is None else why)
        if known is None:
            return None, ("sticky", False, "the recipient knows no number of ours")
        shown = f"{known.gateway} {known.sender or ''}".rstrip()
        if known.gateway not in usable:
            return None, ("sticky", False, f"the recipient knows {shown}, which is not usable now")
        return known, ("sticky", True, f"the recipient knows {shown}")

    def _decisive(
        self, wanted: Wanted, chain: tuple[str, ...], ordered: Ordered, stored: Known | None
    ) -> frozenset[str]:
        """Who wants no messages from one of these gets none: a fault of one is no way around."""
        found = {*chain[:1], *(ordered.chain if ordered.alike > 1 else ())}
        if any(not self._works(name) for name in wanted.chain):
            healthy = self._ordered(wanted, wanted.chain, take_turn=False)
            first = healthy.chain[: healthy.alike]
            if stored is not None and self._is_sticky(wanted):
                first = (stored.gateway,)
            found.update(first)
        return frozenset(found)

    def _ordered(self, wanted: Wanted, usable: tuple[str, ...], *, take_turn: bool) -> Ordered:
        if wanted.strategy is None:
            return Ordered(usable, NAMED)
        return self._strategies.order(
            usable, wanted.strategy, wanted.destination, take_turn=take_turn
        )

    def _number(self, wanted: Wanted, chain: tuple[str, ...], known: Known | None) -> str | None:
        """The number that the first gateway is told to send from; None = its own."""
        gateway = self._pool.registry.get(chain[0]) if chain else None
        if wanted.sender is not None or gateway is None:
            return wanted.sender
        own = gateway.options.sender
        if known and known.gateway == gateway.name and known.sender and gateway.owns(known.sender):
            return known.sender if known.sender != own else None
        if own or not (self._sticky or self._is_sticky(wanted)):
            return None
        numbers = own_numbers(gateway, wanted.tenant)
        return number_for(wanted.destination, numbers) if len(numbers) > 1 else None

    def _knows(self, wanted: Wanted, chain: tuple[str, ...], sender: str | None) -> Known | None:
        if not chain or not self._remembers(wanted):
            return None
        gateway = self._pool.registry.get(chain[0])
        own = gateway.options.sender if gateway else ""
        return Known(chain[0], sender or own or None)

    def _stands(self, stored: Known | None, knows: Known | None) -> bool:
        if self._known is None or stored is None or knows is None:
            return False
        return self._known.stands(stored, knows)


def _health_step(broken: tuple[str, ...]) -> Said:
    if not broken:
        return "health", False, "no gateway of the chain is broken"
    return "health", True, f"broken now, so last: {', '.join(broken)}"
