"""Which numbers may be sent to at all: by country and by number type, for everybody."""

from __future__ import annotations

from typing import Final

from enum_backend.errors import EnumBackendError, Forbidden
from enum_backend.gateways.inventory.base import LineType
from enum_backend.numbers.offline import number_plan
from enum_backend.settings.policy import NO_COUNTRY, PolicySettings

_TYPE_WORDS: Final = {
    LineType.PREMIUM: "premium-rate numbers",
    LineType.SHARED_COST: "shared-cost numbers",
    LineType.UAN: "company numbers (UAN)",
    LineType.UNKNOWN: "numbers in no known range",
    LineType.FIXED_OR_MOBILE: "numbers that may be landline or mobile",
}


def refusal(destination: str, settings: PolicySettings, tenant: str) -> EnumBackendError | None:
    """Why nothing may be sent to `+E.164`; None = it may.

    A prefix under `policy.allow` passes whatever its country and type. Otherwise the
    country must be allowed by the deployment, and by the tenant's own list if it has
    one, and the type must not be blocked: whoever owns a premium-rate number earns
    from each message to it.
    """
    if settings.allow and destination.startswith(settings.allow):
        return None
    plan = number_plan(destination)
    if plan.line_type in settings.blocked_types:
        what = _TYPE_WORDS.get(plan.line_type, f"{plan.line_type.replace('_', '-')} numbers")
        return Forbidden(f"Messages to {what} are never sent.")
    own = next((item.countries for item in settings.tenants if item.tenant == tenant), ())
    for allowed, whose in ((settings.countries, "here"), (own, "for this tenant")):
        if allowed and plan.region not in allowed:
            return Forbidden(f"Messages to {_place(plan.region)} are not allowed {whose}.")
    return None


def _place(region: str | None) -> str:
    if region is None:
        return "numbers of an unknown country"
    return "numbers of no country" if region == NO_COUNTRY else f"numbers of {region}"
