"""How pages show times, numbers and money."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from markupsafe import Markup, escape

from enum_backend.clock import now_ms, rfc3339
from enum_backend.errors import InvalidPhoneFormat
from enum_backend.gateways.base import Cost
from enum_backend.phone import format_display

GOOD: Final = frozenset({"sent", "delivered", "received", "active", "ready", "closed", "accepted"})
BAD: Final = frozenset({"failed", "undelivered", "expired", "unknown", "refused", "open", "dead"})
WAITING: Final = frozenset(
    {"queued", "dispatching", "scheduled", "pending", "half_open", "ambiguous", "degraded"}
)

_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def when(milliseconds: int | None) -> Markup:
    """A time of UTC to the second; scripts add the visitor's own."""
    if milliseconds is None:
        return Markup("–")
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M:%S}</time>').format(
        rfc3339(milliseconds), moment
    )


def ago(milliseconds: int | None) -> Markup:
    """`3 min ago`, with the time itself behind it."""
    if milliseconds is None:
        return Markup("never")
    seconds = (now_ms() - milliseconds) // 1000
    text = f"in {duration(-seconds)}" if seconds < 0 else f"{duration(seconds)} ago"
    stamp = rfc3339(milliseconds)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, stamp, text)


def duration(seconds: float | None) -> str:
    """`7500` -> `2 h`; only the largest unit."""
    if seconds is None:
        return "–"
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"


def phone(number: str | None) -> str:
    """`+14155550134` -> `+1 (415) 555-0134`; what is no number stays as it is."""
    if not number:
        return "–"
    try:
        return format_display(number)
    except InvalidPhoneFormat:
        return number


def money(amount: Cost | Decimal | None) -> str:
    """`0.0040 USD`"""
    if amount is None:
        return "–"
    if isinstance(amount, Cost):
        return f"{amount.amount:.4f} {amount.currency}"
    return f"{amount:.2f} USD"


def thousands(value: int | Decimal | None) -> str:
    """`12345` -> `12,345`"""
    return "–" if value is None else f"{value:,}"


def state(word: str | None) -> Markup:
    """A state as a badge: its word says all, its colour repeats it."""
    if not word:
        return Markup("–")
    tone = "plain"
    for name, words in (("good", GOOD), ("bad", BAD), ("wait", WAITING)):
        if word in words:
            tone = name
    return Markup('<span class="badge {}">{}</span>').format(tone, word.replace("_", " "))


def wrapped(text: str) -> Markup:
    """A long word that may break after `@ . : / _`."""
    broken = escape(text)
    for character in "@.:/_":
        broken = broken.replace(character, Markup("{}<wbr>").format(character))
    return broken


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "when": when,
    "ago": ago,
    "duration": duration,
    "phone": phone,
    "money": money,
    "thousands": thousands,
    "state": state,
    "wrapped": wrapped,
}
