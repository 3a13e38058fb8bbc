"""Starting a code, inside one transaction: the same one again or a new one, if it may go.

Everything is looked up and counted for a decoy as for any other request, statement by
statement: only the dispatcher knows that nothing is sent.

A new code stays closed until its message is accepted. Were it open before, somebody whose
messages are refused could guess at as many codes as he asks for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from enum_backend.errors import EnumBackendError, Forbidden, RateLimitExceeded
from enum_backend.messaging.repeats import NOT_ARRIVED
from enum_backend.settings.models import LimitSettings
from enum_backend.settings.verification import VerificationSettings
from enum_backend.storage.locks import serialize
from enum_backend.verification import quotas, store
from enum_backend.verification.fraud import counts, decisions
from enum_backend.verification.fraud.counts import Place
from enum_backend.verification.fraud.decisions import Decision, Verdict
from enum_backend.verification.fraud.guard import FraudGuard, Judgement
from enum_backend.verification.store import Bound, Verification, Wording
from enum_backend.verification.swaps import SIM_SWAP

LAST_MS: Final = 30_000
"""A code that ends so soon is not sent again: a new one is made."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A checked request.

    Attributes:
        ip: as it came, for the allow list.
        swapped: a provider says that the SIM was changed lately.
    """

    bound: Bound
    wording: Wording
    ip: str | None
    swapped: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """What is written; the message comes next.

    Attributes:
        before: the verification as it was, for undoing.
        refusal: nothing is to be sent.
    """

    decision: Decision
    place: Place
    before: Verification
    expires_at: int = 0
    resend_at: int = 0
    resent: bool = False
    refusal: EnumBackendError | None = None


def begin(
    connection: Connection,
    wanted: Wanted,
    settings: VerificationSettings,
    limits: LimitSettings,
    guard: FraudGuard,
    now: int,
) -> Begun:
    """Write down a code to send, or why none is sent.

    Raises:
        RateLimitExceeded: a pause or a quota; nothing is written.
    """
    serialize(connection, "verification")
    bound = wanted.bound
    found = store.latest(connection, bound)
    state = store.message_state(connection, found.verification_id)
    place = counts.place_of(bound.number, wanted.ip)
    tally = counts.tally(connection, place, now)
    quota = quotas.of_recipient(connection, bound, settings, limits, now)
    if bound.is_test:
        judgement = Judgement(place, Verdict.EXEMPT)
    else:
        _check_pause(found, state, now)
        if refused := quotas.of_address(tally, settings) or quota:
            raise refused
        judgement = guard.judge(connection, bound.number, wanted.ip, tally, now)
        if wanted.swapped:
            judgement = _swapped(judgement, refuse=settings.sim_swap == "refuse")
        if judgement.verdict is Verdict.BLOCKED:
            decision = guard.write(connection, _decision(wanted, judgement, "", now))
            return Begun(decision, place, found, refusal=_refusal(judgement))
    alive = found.used_at is None and found.expires_at > now
    sends = found.sends + 1 if alive else 1
    resend_at = now + int(settings.resend_after * 1000) * 2 ** min(sends - 1, 10)
    again = found.is_open(now + LAST_MS) and found.decoy == bound.decoy
    if again:
        store.send_again(connection, found, wanted.wording, resend_at=resend_at)
        verification_id, expires_at = found.verification_id, found.expires_at
    else:
        expires_at = now + store.LIFE_MS
        verification_id = store.add(
            connection, bound, wanted.wording, now, sends=sends, resend_at=resend_at
        )
    if not bound.is_test:
        # After the verification, as a check does it: two transactions then never wait
        # for each other.
        counts.add_sent(connection, place, now)
    decision = guard.write(connection, _decision(wanted, judgement, verification_id, now))
    return Begun(decision, place, found, expires_at, resend_at, again)


def undo(connection: Connection, begun: Begun, why: EnumBackendError) -> None:
    """Sending was refused: it counts no more."""
    decision = begun.decision
    store.not_sent(connection, decision.verification_id, begun.before)
    decisions.not_sent(connection, decision.id, why.error_code)
    if decision.counted:
        counts.take_back(connection, begun.place, decision.created_at)


def _check_pause(found: Verification, state: str | None, now: int) -> None:
    """The pause between two sendings, which a message that did not arrive makes void.

    Not for strangers: it would tell them which numbers get messages at all.
    """
    if found.used_at is not None or now >= found.resend_at:
        return
    if state in NOT_ARRIVED and not (found.anonymous or found.decoy):
        return
    wait = (found.resend_at - now) / 1000
    message = f"A code was sent to this number a moment ago; again in {math.ceil(wait)} seconds."
    raise RateLimitExceeded(message, retry_after=wait)


def _swapped(judgement: Judgement, *, refuse: bool) -> Judgement:
    reasons = (*judgement.reasons, SIM_SWAP)
    if refuse:
        return replace(judgement, verdict=Verdict.BLOCKED, reasons=reasons)
    if judgement.verdict is Verdict.ALLOWED:
        return replace(judgement, verdict=Verdict.FLAGGED, reasons=reasons)
    return replace(judgement, reasons=reasons)


def _refusal(judgement: Judgement) -> EnumBackendError:
    if SIM_SWAP in judgement.reasons and not judgement.retry_after:
        return Forbidden("The SIM of this number was changed lately: no code is sent to it.")
    return judgement.refusal


def _decision(wanted: Wanted, judgement: Judgement, verification_id: str, now: int) -> Decision:
    bound = wanted.bound
    return Decision(
        verification_id=verification_id,
        tenant=bound.tenant,
        purpose=bound.purpose,
        number=bound.number,
        country=judgement.place.country,
        ip=wanted.ip,
        subject=bound.subject,
        anonymous=bound.anonymous,
        verdict=judgement.verdict,
        reasons=judgement.reasons,
        allowed_by=judgement.allowed_by,
        counted=judgement.verdict in (Verdict.ALLOWED, Verdict.FLAGGED),
        created_at=now,
    )
