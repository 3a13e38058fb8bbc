"""Daily ceilings of tenants and keys, US dollars."""

from __future__ import annotations

from decimal import Decimal

from enum_backend.errors import wrong_field
from enum_backend.settings.base import MOST
from enum_backend.settings.tenants import LEAST

_MICROS = 1_000_000


def check_daily_cost(amount: Decimal | None) -> None:
    """Refuse what is no ceiling.

    Raises:
        ValidationFailed: less than a cent, or more than can be counted.
    """
    if amount is None:
        return
    if not amount.is_finite() or not LEAST <= amount <= MOST:
        raise wrong_field(
            "daily_cost", f"expected USD from {LEAST} on; leave it out for no ceiling"
        )


def micros(amount: Decimal | None) -> int | None:
    """Money as it is stored."""
    return None if amount is None else int((amount * _MICROS).to_integral_value())


def dollars(stored: int | None) -> Decimal | None:
    """The inverse of `micros`."""
    return None if stored is None else Decimal(stored) / _MICROS
