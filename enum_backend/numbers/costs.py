"""What numbers that receive codes cost a month, provider by provider."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from enum_backend.numbers.prices import PriceList, ProviderPrices

DAYS_A_MONTH = 30
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class CostPlan:
    """What to price.

    Attributes:
        numbers: how many numbers.
        codes_per_day: messages each number receives a day, one segment each.
        android_sims: SIMs of our own, one per phone; None = one per number.
    """

    numbers: int
    codes_per_day: int
    android_sims: int | None = None

    @property
    def sims(self) -> int:
        """SIMs of our own."""
        return self.numbers if self.android_sims is None else self.android_sims

    @property
    def messages(self) -> int:
        """Messages a month."""
        return self.numbers * self.codes_per_day * DAYS_A_MONTH


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """One provider's bill.

    Attributes:
        rental, messages, monthly: a month, `monthly` their sum.
        once: at the start.
        each: `monthly` per number.
    """

    provider: str
    rental: Decimal
    messages: Decimal
    monthly: Decimal
    once: Decimal
    each: Decimal
    source: str


def compare(plan: CostPlan, prices: PriceList) -> list[MonthlyCost]:
    """Every provider's cost of the plan, cheapest month first."""
    costs = [_cost(plan, name, listed) for name, listed in prices.providers.items()]
    return sorted(costs, key=lambda cost: (cost.monthly, cost.provider))


def _cost(plan: CostPlan, provider: str, prices: ProviderPrices) -> MonthlyCost:
    if prices.is_own_phones:
        rental, once = prices.sim_month * plan.sims, prices.phone_once * plan.sims
    else:
        rental, once = prices.number_month * plan.numbers, prices.setup * plan.numbers
    messages = prices.inbound * plan.messages
    monthly = rental + messages
    return MonthlyCost(
        provider=provider,
        rental=_cents(rental),
        messages=_cents(messages),
        monthly=_cents(monthly),
        once=_cents(once),
        each=_cents(monthly / plan.numbers) if plan.numbers else _cents(Decimal(0)),
        source=prices.source,
    )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
