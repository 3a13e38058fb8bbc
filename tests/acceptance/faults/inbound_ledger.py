"""The ledger of inbound messages: what a provider was told, what is stored and delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.acceptance.faults.webhook_callers import WebhookCallers
from tests.serving import Serving

PAGE = 500


@dataclass(slots=True)
class InboundLedger:
    """Sums, and the senders behind those that must be nothing.

    Attributes:
        stored: messages in the inbox by sender.
        delivered: deliveries the owner's endpoint answered with 2xx, by sender.
        lost: accepted and not stored.
        doubled: stored more than once.
        undelivered: accepted and never delivered.
        strays: stored or delivered, though nobody sent it.
    """

    name: str
    faults: str
    accepted: int
    stored: int
    delivered: int
    again: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    undelivered: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Each accepted message is stored exactly once and delivered at least once.

        Raises:
            AssertionError: shows the ledger and the senders.
        """
        for name in ("lost", "doubled", "undelivered", "strays"):
            found: list[str] = getattr(self, name)
            assert not found, f"{name}: {found[:10]}\n{self}"

    def __str__(self) -> str:
        return (
            f"{self.name}: accepted {self.accepted}, stored {self.stored}, delivered"
            f" {self.delivered} ({self.again} of them more than once); lost {len(self.lost)},"
            f" doubled {len(self.doubled)}, undelivered {len(self.undelivered)}, strays"
            f" {len(self.strays)}; {self.faults}"
        )


async def stored(server: Serving) -> Counter[str]:
    """Messages in the inbox by their sender, from `GET /sms/messages`."""
    found: Counter[str] = Counter()
    page = {"direction": "inbound", "limit": str(PAGE)}
    async with server.session() as http:
        while True:
            async with http.get("/sms/messages", params=page) as response:
                response.raise_for_status()
                answer = await response.json()
            found.update(message["from"] for message in answer["messages"])
            if answer["next"] is None:
                return found
            page["after"] = answer["next"]


def balance(
    name: str,
    callers: WebhookCallers,
    stored: Mapping[str, int],
    delivered: Counter[str],
    faults: str,
) -> InboundLedger:
    """Compare all three."""
    known = callers.accepted | callers.unanswered
    return InboundLedger(
        name,
        faults,
        accepted=len(callers.accepted),
        stored=sum(stored.values()),
        delivered=len(delivered),
        again=sum(times > 1 for times in delivered.values()),
        lost=sorted(callers.accepted - set(stored)),
        doubled=sorted(sender for sender, times in stored.items() if times > 1),
        undelivered=sorted(callers.accepted - set(delivered)),
        strays=sorted((set(stored) | set(delivered)) - known),
    )
