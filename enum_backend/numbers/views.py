"""Numbers, offers, classifications and costs as JSON, over HTTP and on the command line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from enum_backend.clock import rfc3339
from enum_backend.numbers.classify import Classification
from enum_backend.numbers.costs import CostPlan, MonthlyCost
from enum_backend.numbers.loop import LoopReport
from enum_backend.numbers.offers import Offer, SearchResult
from enum_backend.numbers.prices import PriceList
from enum_backend.numbers.store import StoredNumber


def number_json(row: StoredNumber) -> dict[str, Any]:
    """One number of ours."""
    return {
        "number": row.number,
        "gateway": row.gateway,
        "provider": row.provider,
        "tenant": row.tenant or None,
        "state": row.state,
        "source": row.source,
        "features": sorted(row.features),
        "monthly": dollars_json(row.monthly),
        "order_id": row.order_id,
        "detail": row.detail or None,
        "since": rfc3339(row.created_at) if row.created_at else None,
    }


def search_json(result: SearchResult) -> dict[str, Any]:
    """What is on sale, and which gateways could not be asked."""
    return {
        "numbers": [_offer_json(offer) for offer in result.offers],
        "failures": [
            {"gateway": item.gateway, "reason": item.reason, "detail": item.detail}
            for item in result.failures
        ],
    }


def _offer_json(offer: Offer) -> dict[str, Any]:
    available = offer.available
    return {
        "number": available.number,
        "gateway": offer.gateway,
        "provider": offer.provider,
        "features": sorted(available.features),
        "region": available.region,
        "locality": available.locality,
        "monthly": dollars_json(offer.monthly),
        "setup": dollars_json(offer.setup),
    }


def classification_json(found: Classification) -> dict[str, Any]:
    """What kind of line a number is."""
    offline, live = found.offline, found.live
    return {
        "number": offline.number,
        "line_type": found.line_type,
        "region": offline.region,
        "accepted_where_voip_is_refused": {
            "likely": found.acceptance.likely,
            "reason": found.acceptance.reason,
        },
        "offline": {
            "line_type": offline.line_type,
            "valid": offline.valid,
            "carrier_of_range": offline.carrier_of_range or None,
            "caveats": list(offline.caveats),
        },
        "live": None
        if live is None
        else {
            "gateway": found.live_gateway,
            "line_type": live.line_type,
            "carrier": live.carrier,
            "ported": live.ported,
            "detail": live.detail or None,
        },
        "live_error": found.live_error or None,
    }


def loop_json(report: LoopReport) -> dict[str, Any]:
    """What came of a message from a number to itself."""
    return {
        "success": report.arrived,
        "number": report.number,
        "gateway": report.gateway,
        "message_id": report.message_id,
        "status": report.state,
        "arrived": report.arrived,
        "seconds": report.seconds,
    }


def costs_json(plan: CostPlan, prices: PriceList, costs: list[MonthlyCost]) -> dict[str, Any]:
    """The comparison of a plan; amounts are text with two decimals."""
    return {
        "numbers": plan.numbers,
        "codes_per_day": plan.codes_per_day,
        "android_sims": plan.sims,
        "messages_per_month": plan.messages,
        "currency": prices.currency,
        "as_of": prices.as_of.isoformat(),
        "providers": [
            {
                "provider": cost.provider,
                "monthly": f"{cost.monthly:.2f}",
                "rental": f"{cost.rental:.2f}",
                "messages": f"{cost.messages:.2f}",
                "per_number": f"{cost.each:.2f}",
                "once": f"{cost.once:.2f}",
                "source": cost.source,
            }
            for cost in costs
        ],
    }


def dollars_json(amount: Decimal | None) -> dict[str, str] | None:
    """`{"amount": "2.00", "currency": "USD"}`; None where nobody tells."""
    return None if amount is None else {"amount": f"{amount:.2f}", "currency": "USD"}
