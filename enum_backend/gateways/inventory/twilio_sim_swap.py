"""Twilio: when the SIM of a number was changed last."""

from __future__ import annotations

from dataclasses import dataclass

from enum_backend.clock import from_rfc3339
from enum_backend.gateways.inventory.twilio import LOOKUP_URL, checked_number
from enum_backend.gateways.reading import mapping, text
from enum_backend.gateways.twilio import TwilioGateway


@dataclass(frozen=True, slots=True)
class SimReport:
    """What a carrier tells of a SIM.

    Attributes:
        changed_at: milliseconds; None = it does not say when.
        changed_lately: within a period of the carrier's own; None = it does not say.
        detail: the provider's error, where it tells nothing.
    """

    changed_at: int | None = None
    changed_lately: bool | None = None
    detail: str = ""

    def changed_since(self, since: int) -> bool | None:
        """Whether the SIM was changed after a time; None = nobody says."""
        return self.changed_lately if self.changed_at is None else self.changed_at >= since


async def look_up_sim(gateway: TwilioGateway, number: str) -> SimReport:
    """`GET https://lookups.twilio.com/v2/PhoneNumbers/{number}?Fields=sim_swap`, paid.

    Carriers of some countries only, and accounts that they have approved.

    Raises:
        GatewayError: refused or no answer.
    """
    data = await gateway.call(
        "GET", f"{LOOKUP_URL}{checked_number(number)}", query={"Fields": "sim_swap"}
    )
    found = mapping(data.get("sim_swap"))
    last = mapping(found.get("last_sim_swap"))
    try:
        changed_at = from_rfc3339(text(last.get("last_sim_swap_date")))
    except ValueError:
        changed_at = None
    within = last.get("swapped_in_period")
    code = found.get("error_code")
    return SimReport(
        changed_at,
        within if isinstance(within, bool) else None,
        "" if code is None else f"error {str(code)[:20]}",
    )
