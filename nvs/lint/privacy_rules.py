"""What should not stand on a public chain, where it can be read by anybody and never be erased.

An update or a delete changes what counts, not what was written: the old value
stays in its block for good.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nvs.lint.model import Examined, Hit, Rule, Severity

_FOR_GOOD = "anybody can read it there, and no update or delete takes it back"
_ADDRESS = re.compile(r"(?:mailto:)?[^@\s:/]+@[^@\s:/]+", re.IGNORECASE)
_MAILTO = re.compile(r"(?:^|!)mailto:", re.IGNORECASE)


def _destinations(entry: Examined) -> Iterator[tuple[str, str]]:
    """Where inbound messages go, with the field that says so: (JSON path, text)."""
    sms = entry.draft.sms
    for target in sms.forward_to if sms else ():
        yield "$.sms.forward_to", target
    if sms and sms.webhook:
        flat = b'"sms_webhook"' in entry.value
        yield "$.sms_webhook" if flat else "$.sms.webhook", sms.webhook


class PrivateEmail(Rule):
    """A mail address, as a service or as a destination."""

    id = "privacy-email"
    severity = Severity.WARNING
    field = "privacy"
    reason = f"{_FOR_GOOD}, mail harvesters included"

    def check(self, group: Sequence[Examined]) -> Iterator[Hit]:
        for entry in group:
            for candidate in entry.draft.candidates:
                if _MAILTO.search(candidate.uri or candidate.regexp or ""):
                    yield entry.name, candidate.field, "an e-mail address stands on the chain"
            for place, target in _destinations(entry):
                if _ADDRESS.fullmatch(target):
                    yield entry.name, place, "an e-mail address stands on the chain"


class PrivateWebhook(Rule):
    """A URL that takes inbound messages."""

    id = "privacy-webhook"
    severity = Severity.WARNING
    field = "privacy"
    reason = f"{_FOR_GOOD}, so the URL must hold no secret and check every caller's signature"

    def check(self, group: Sequence[Examined]) -> Iterator[Hit]:
        for entry in group:
            for place, target in _destinations(entry):
                if "://" in target:
                    yield entry.name, place, "a webhook URL stands on the chain"


class PrivateNumber(Rule):
    """A second number that messages are passed on to."""

    id = "privacy-forward-to"
    severity = Severity.WARNING
    field = "privacy"
    reason = f"{_FOR_GOOD}, with the number it is passed on from"

    def check(self, group: Sequence[Examined]) -> Iterator[Hit]:
        for entry in group:
            for place, target in _destinations(entry):
                if "://" not in target and not _ADDRESS.fullmatch(target):
                    yield entry.name, place, "a forwarding destination stands on the chain"


PRIVACY_RULES: tuple[Rule, ...] = (PrivateEmail(), PrivateWebhook(), PrivateNumber())
