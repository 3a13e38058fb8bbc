"""The ledger itself: books that do not balance are seen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.faults.callers import Told
from tests.acceptance.faults.inbound_ledger import balance as balance_inbound
from tests.acceptance.faults.ledger import Ledger, balance
from tests.acceptance.faults.provider import Act, Provider, Seen
from tests.acceptance.faults.storms import length
from tests.acceptance.faults.webhook_callers import WebhookCallers
from tests.acceptance.faults.world import Blow
from tests.telnyx_webhooks import TelnyxSigner

DICE = length().dice("ledger")
STARTED, FINISHED = "2026-01-01T00:00:10.000Z", "2026-01-01T00:00:10.500Z"
THEN = 1_767_225_610.2
"""Seconds since 1970, between the two."""


def books(
    state: str, *acts: Act, outcome: str = "accepted", blows: list[Blow] | None = None
) -> Ledger:
    """Of one message that was accepted, and what the provider did with it."""
    told, provider = Told(), Provider(DICE)
    told.accepted["ref"] = {"msg_1"}
    for act in acts:
        provider.seen["msg_1"].append(Seen(THEN, "ref", act))
    attempt = {"outcome": outcome, "started_at": STARTED, "finished_at": FINISHED}
    views = {"msg_1": {"status": state, "attempts": [attempt]}}
    return balance("one", told, views, provider, blows or [], "")


@pytest.mark.parametrize(
    "ledger",
    [
        books("sent", "take"),
        books("sent", "429", "500", "late"),
        books("failed", "429", "503"),
        books("unknown", "hang", outcome="ambiguous"),
        books("unknown", outcome="ambiguous", blows=[Blow(THEN, THEN + 9)]),
    ],
)
def test_balanced(ledger: Ledger) -> None:
    ledger.check()


@pytest.mark.parametrize(
    ("ledger", "what"),
    [
        (books("sent"), "lost"),
        (books("sent", "429"), "lost"),
        (books("not there"), "lost"),
        (books("sent", "take", "take"), "doubled"),
        (books("unknown", "reset", "hang", outcome="ambiguous"), "doubled"),
        (books("failed", "reset"), "wrong"),
        (books("expired", "take"), "wrong"),
        (books("unknown", "take", outcome="ambiguous"), "groundless"),
        (books("unknown", "hang", outcome="accepted"), "groundless"),
        (books("unknown", outcome="ambiguous", blows=[Blow(THEN + 9, THEN + 10)]), "groundless"),
        (books("queued"), "accepted 1 = queued 1"),
    ],
)
def test_not_balanced(ledger: Ledger, what: str) -> None:
    with pytest.raises(AssertionError, match=what):
        ledger.check()


def test_strays() -> None:
    told, provider = Told(), Provider(DICE)
    told.unanswered = {"perhaps"}
    provider.seen["msg_1"] = [Seen(THEN, "perhaps", "take")]
    balance("perhaps accepted", told, {}, provider, [], "").check()
    provider.seen["msg_2"] = [Seen(THEN, "perhaps", "take")]
    with pytest.raises(AssertionError, match="strays"):
        balance("two of one request", told, {}, provider, [], "").check()
    told.unanswered = set()
    del provider.seen["msg_2"]
    with pytest.raises(AssertionError, match="strays"):
        balance("refused, and sent", told, {}, provider, [], "").check()


@pytest.mark.parametrize(
    ("stored", "delivered", "what"),
    [
        ({"+1": 1, "+2": 1}, {"+1": 2}, ""),
        ({}, {"+1": 1}, "lost"),
        ({"+1": 2}, {"+1": 1}, "doubled"),
        ({"+1": 1}, {}, "undelivered"),
        ({"+1": 1, "+9": 1}, {"+1": 1}, "strays"),
    ],
)
def test_inbound(stored: dict[str, int], delivered: Any, what: str) -> None:
    callers = WebhookCallers(lambda: None, TelnyxSigner(), DICE, callers=0, pause=0)
    callers.accepted, callers.unanswered = {"+1"}, {"+2"}
    ledger = balance_inbound("one", callers, stored, delivered, "")
    if not what:
        ledger.check()
        return
    with pytest.raises(AssertionError, match=what):
        ledger.check()
