"""In which order the gateways of a chain are asked: as declared, cheapest first, or in turn."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from enum_backend.settings.policy import Strategy

PriceOf = Callable[[str, str], Decimal | None]
"""(gateway, destination) -> US dollars a segment, None where no price is known."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """A chain in the order of its strategy.

    Attributes:
        why: for explain.
        alike: how many of its first gateways might as well have come first.
    """

    chain: tuple[str, ...]
    why: str
    alike: int = 1


class Strategies:
    """Orders chains; remembers only whose turn it is.

    Turns are counted in memory from a random start, so a restart, or a second
    process, takes nothing from any gateway in the long run.
    """

    def __init__(self, price_of: PriceOf) -> None:
        self._price_of = price_of
        self._turns: dict[tuple[str, ...], int] = {}

    def order(
        self, chain: tuple[str, ...], strategy: Strategy, destination: str, *, take_turn: bool
    ) -> Ordered:
        """The chain as its strategy wants it.

        Args:
            take_turn: count this message; otherwise only look.
        """
        if len(chain) < 2:
            return Ordered(chain, f"{strategy}: there is nothing to order")
        if strategy == "least_cost":
            return self._by_price(chain, destination)
        if strategy == "round_robin":
            return self._in_turn(chain, take_turn=take_turn)
        return Ordered(chain, "priority: as declared")

    def _by_price(self, chain: tuple[str, ...], destination: str) -> Ordered:
        prices = {name: self._price_of(name, destination) for name in chain}
        # The sort is stable: equal prices, and unknown ones at the end, stay as declared.
        ordered = sorted(chain, key=lambda name: _known_first(prices[name]))
        shown = ", ".join(f"{name} {_shown(prices[name])}" for name in ordered)
        return Ordered(tuple(ordered), f"least_cost: {shown} (USD a segment)")

    def _in_turn(self, chain: tuple[str, ...], *, take_turn: bool) -> Ordered:
        turn = self._turns.get(chain)
        if turn is None:
            turn = self._turns[chain] = random.randrange(len(chain))  # noqa: S311 - no secret
        if take_turn:
            self._turns[chain] = (turn + 1) % len(chain)
        why = f"round_robin: the turn of {chain[turn]}"
        return Ordered((*chain[turn:], *chain[:turn]), why, alike=len(chain))


def number_for(recipient: str, numbers: Sequence[str]) -> str:
    """Which of several numbers a recipient sees: always the same while they stay the same.

    Rendezvous hashing: fair over recipients, and a number that comes or goes moves
    only its own share of them.
    """
    return max(
        numbers,
        key=lambda number: hashlib.blake2b(f"{recipient} {number}".encode()).digest(),
    )


def _known_first(price: Decimal | None) -> tuple[bool, Decimal]:
    return price is None, price or Decimal(0)


def _shown(price: Decimal | None) -> str:
    return "without a price" if price is None else f"{price:.4f}"
