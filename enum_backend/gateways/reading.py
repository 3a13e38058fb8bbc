"""Reading the JSON that providers answer with: whatever comes, a value or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from enum_backend.gateways.base import Cost


def mapping(value: object) -> Mapping[str, Any]:
    """An object, empty if it is anything else."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; none if it is anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A text, empty if it is anything else."""
    return value if isinstance(value, str) else ""


def money(value: object, currency: str = "USD") -> Cost | None:
    """An amount, written as text or as a number; None if it is anything else."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return Cost(amount, currency) if amount.is_finite() else None
