"""Answers about numbers as people read them."""

from __future__ import annotations

from typing import Any


def search_text(document: dict[str, Any]) -> str:
    """One number on sale a line, then the gateways that could not be asked."""
    lines = [
        f"{item['number']:<16} {item['gateway']:<12} {_money(item['monthly']):>10} a month"
        f" {_money(item['setup']):>10} once  {','.join(item['features'])}"
        f"  {' '.join(filter(None, (item['locality'], item['region'])))}".rstrip()
        for item in document["numbers"]
    ]
    lines += [
        f"{item['gateway']}: {item['reason']} {item['detail']}".rstrip()
        for item in document["failures"]
    ]
    return "\n".join(lines) or "Nothing is on sale."


def bought_text(document: dict[str, Any]) -> str:
    """What became of an order."""
    head = f"{document['number']} is yours (gateway {document['gateway']})"
    if document["state"] == "pending":
        head = f"{document['number']} is ordered, not yours yet; see: enum-backend numbers list"
    return head + (f"\n{document['detail']}" if document["detail"] else "")


def released_text(document: dict[str, Any]) -> str:
    """What became of a release."""
    if document["state"] == "releasing":
        return f"{document['number']} is being released; see: enum-backend numbers list"
    return f"{document['number']} is released"


def list_text(document: dict[str, Any]) -> str:
    """One number of ours a line."""
    return (
        "\n".join(
            f"{item['number']:<16} {item['gateway']:<12} {item['state']:<9} {item['source']:<9}"
            f" {item['tenant'] or '-':<12} {_money(item['monthly']):>10}"
            for item in document["numbers"]
        )
        or "There are none: buy or import some."
    )


def import_text(document: dict[str, Any]) -> str:
    """How many numbers of each kind, and which need attention."""
    lines = [f"{len(document['added'])} new, {len(document['known'])} known"]
    for key, why in (
        ("elsewhere", "belong to another gateway or tenant and stay there"),
        ("gone", "are no longer in the account"),
    ):
        if document[key]:
            lines.append(f"{', '.join(document[key])}: {why}")
    return "\n".join(lines)


def check_text(document: dict[str, Any]) -> str:
    """Whether the message came back."""
    seconds = document["seconds"]
    if document["arrived"]:
        return f"{document['number']}: came back after {seconds} s"
    return (
        f"{document['number']}: {document['message_id']} is {document['status']}, "
        f"nothing came in within {seconds} s"
    )


def classify_text(document: dict[str, Any]) -> str:
    """What is known about a number, and what is not."""
    offline, live = document["offline"], document["live"]
    verdict = document["accepted_where_voip_is_refused"]
    likely = {True: "likely", False: "unlikely", None: "cannot be told"}[verdict["likely"]]
    region = document["region"] or "no country"
    lines = [
        f"{document['number']}  {_words(document['line_type'])}  {region}",
        f"  accepted where VoIP is refused: {likely}; {verdict['reason']}",
        f"  numbering plan: {_words(offline['line_type'])}"
        + ("" if offline["valid"] else ", not a valid number")
        + (f", range of {offline['carrier_of_range']}" if offline["carrier_of_range"] else ""),
    ]
    lines += [f"    {caveat}" for caveat in offline["caveats"]]
    if live:
        carrier = f", {live['carrier']}" if live["carrier"] else ""
        lines.append(f"  look-up by {live['gateway']}: {_words(live['line_type'])}{carrier}")
    else:
        lines.append(f"  look-up: {document['live_error']}")
    return "\n".join(lines)


def _words(line_type: str) -> str:
    return line_type.replace("_", " ")


def _money(amount: dict[str, str] | None) -> str:
    return f"{amount['amount']} {amount['currency']}" if amount else "?"
