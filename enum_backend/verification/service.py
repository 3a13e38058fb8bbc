"""Verification: a code is sent to a number and comes back, once."""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import replace

from enum_backend.clock import now_ms
from enum_backend.errors import (
    CodeExpired,
    CodeInvalid,
    EnumBackendError,
    SettingsError,
    TooManyAttempts,
    wrong_field,
)
from enum_backend.messaging.model import MessageKind, SendRequest
from enum_backend.messaging.segments import segment
from enum_backend.messaging.service import MessageService
from enum_backend.settings.models import LimitSettings
from enum_backend.settings.verification import VerificationSettings
from enum_backend.storage import Database
from enum_backend.verification import starting, statistics, store, wording
from enum_backend.verification.checking import Claim, Outcome, find, redeem
from enum_backend.verification.fraud.decisions import Decision
from enum_backend.verification.fraud.guard import FraudGuard
from enum_backend.verification.model import Checked, Preview, Purpose, Started, StartRequest
from enum_backend.verification.rendering import CodeTexts
from enum_backend.verification.statistics import Statistics
from enum_backend.verification.store import Bound, Wording
from enum_backend.verification.swaps import NoSimSwaps, SimSwaps
from enum_backend.verification.texts import PLACEHOLDER, Lines, Texts

OnEvent = Callable[[str, str], None]
"""Called with (purpose, what came of it), for metrics."""

_UNHEARD: OnEvent = lambda purpose, result: None  # noqa: E731


class VerificationService:
    """Starts and checks verifications.

    Args:
        guard: decides on each code, and keeps the record.
        code_texts: the same that the dispatcher makes the texts with.
        limits: of all messages; None = the defaults.
        test_numbers: exempt from limits; nothing is sent to them.
        swaps: who is asked for SIM swaps; None = nobody.
        on_started, on_checked: called after each, with the error code where it was refused.

    Raises:
        SettingsError: `verification.app_name` or `.domain` cannot stand in a text.
    """

    def __init__(
        self,
        database: Database,
        messages: MessageService,
        settings: VerificationSettings,
        guard: FraudGuard,
        code_texts: CodeTexts,
        *,
        limits: LimitSettings | None = None,
        test_numbers: Collection[str] = (),
        swaps: SimSwaps | None = None,
        on_started: OnEvent = _UNHEARD,
        on_checked: OnEvent = _UNHEARD,
    ) -> None:
        self._database = database
        self._codes = code_texts.codes
        self.texts: Texts = code_texts.texts
        self._messages = messages
        self._settings = settings
        self._limits = limits or LimitSettings()
        self._guard = guard
        self._test_numbers = frozenset(test_numbers)
        self._swaps = swaps or NoSimSwaps()
        self._on_started = on_started
        self._on_checked = on_checked
        try:
            self._wording(None, None, None, None)
        except EnumBackendError as error:
            raise SettingsError(f"verification.{error.message}") from None

    async def start(self, request: StartRequest) -> Started:
        """Send a code, or the same one again while it lives.

        Raises:
            RateLimitExceeded: a limit, or the pause before a resend; `retry_after` seconds.
            BlockedByFraudGuard: too many codes that nobody typed in; `retry_after`.
            Forbidden: a country or a number type that is not sent to, or a SIM swap.
            OptedOut, CostLimitExceeded, SmsDisabled, ...: as `MessageService.send`.
            ValidationFailed: app_name, locale, domain, android_hash, subject or ip is wrong.
        """
        try:
            started = await self._start(request)
        except EnumBackendError as error:
            self._on_started(request.purpose, error.error_code)
            raise
        self._on_started(request.purpose, "resent" if started.resent else "sent")
        return started

    async def _start(self, request: StartRequest) -> Started:
        wanted = await self._wanted(request)
        now = now_ms()
        begun = await self._database.write(
            lambda c: starting.begin(c, wanted, self._settings, self._limits, self._guard, now)
        )
        self._guard.on_decision(begun.decision)
        if begun.refusal is not None:
            raise begun.refusal
        verification_id = begun.decision.verification_id
        words = wanted.wording
        lines = Lines(words.app_name, words.domain, words.android_hash)
        message = SendRequest(
            to=request.to,
            text=self.texts.text(request.purpose, words.locale, PLACEHOLDER, lines),
            client=request.client,
            is_code=True,
            kind=MessageKind.CODE,
            template=f"{request.purpose}/{words.locale}",
            verification_id=verification_id,
        )
        try:
            accepted = await self._messages.send(message)
        except EnumBackendError as error:
            why = error
            await self._database.write(lambda c: starting.undo(c, begun, why))
            raise
        if not begun.resent:
            await self._database.write(lambda c: store.open_(c, verification_id))
        return Started(
            verification_id,
            begun.expires_at,
            begun.resend_at,
            sent=not request.decoy,
            message_id=accepted.message_id,
            resent=begun.resent,
        )

    async def check(
        self,
        verification_id: str,
        code: str,
        *,
        purpose: Purpose | None = None,
        number: str | None = None,
        subject: str | None = None,
        tenant: str | None = None,
    ) -> Checked:
        """Use a code up.

        Args:
            code: as people type it: blanks and hyphens between the digits do not matter.
            purpose, number, tenant: None = any; another one than the verification's
                is answered like a wrong code.
            subject: must be the one of the start, None when there was none.

        Raises:
            CodeInvalid: wrong, used, or of another verification.
            CodeExpired: its time is over.
            TooManyAttempts: three were wrong.
        """
        claim = Claim(typed(code), verification_id, purpose, number, subject, tenant)
        return await self._check(claim)

    async def check_latest(
        self,
        number: str,
        code: str,
        *,
        purpose: Purpose,
        subject: str | None = None,
        tenant: str = "default",
    ) -> Checked:
        """`check` of the newest verification of a number and purpose; errors as there.

        A number that no code was asked for is answered like a wrong code, after the same work.
        """
        claim = Claim(typed(code), None, purpose, number, subject, tenant)
        return await self._check(claim)

    async def find_open(
        self, number: str, purpose: Purpose, *, subject: str | None, tenant: str = "default"
    ) -> str | None:
        """The id of the verification whose code `check` would accept now; None = there is none."""
        claim = Claim("", None, purpose, number, subject, tenant)
        found = await self._database.read(lambda c: find(c, claim))
        return found.verification_id if found.is_open(now_ms()) and not found.decoy else None

    async def _check(self, claim: Claim) -> Checked:
        now = now_ms()
        outcome, found = await self._database.write(lambda c: redeem(c, claim, self._codes, now))
        purpose = found.purpose or (claim.purpose or "unknown")
        self._on_checked(purpose, outcome.value)
        if outcome is Outcome.APPROVED:
            return Checked(
                found.verification_id,
                found.number,
                Purpose(found.purpose),
                found.subject,
                found.tenant,
            )
        raise _REFUSALS[outcome]()

    async def preview(
        self,
        purpose: Purpose,
        *,
        app_name: str | None = None,
        locale: str | None = None,
        domain: str | None = None,
        android_hash: str | None = None,
    ) -> Preview:
        """The text with its segments; nothing is sent.

        Raises:
            ValidationFailed: as `start`.
        """
        words = self._wording(app_name, locale, domain, android_hash)
        lines = Lines(words.app_name, words.domain, words.android_hash)
        text = self.texts.text(purpose, words.locale, PLACEHOLDER, lines)
        measured = segment(text)
        return Preview(text, words.locale, measured.encoding, measured.segments, len(text))

    async def statistics(self, tenant: str | None = None) -> Statistics:
        """What the last hour and the last 24 hours brought; None = of all tenants."""
        return await self._database.read(lambda c: statistics.read(c, tenant, now_ms()))

    async def decisions(
        self, after: int | None = None, limit: int = 100, *, tenant: str | None = None
    ) -> list[Decision]:
        """See `FraudGuard.decisions`."""
        return await self._guard.decisions(after, limit, tenant=tenant)

    async def prune(self) -> None:
        """Forget what is older than the settings keep."""
        before = now_ms() - int(self._settings.keep * 1000)
        await self._database.write(lambda c: store.prune(c, before))
        await self._guard.prune()

    async def _wanted(self, request: StartRequest) -> starting.Wanted:
        words = self._wording(
            request.app_name, request.locale, request.domain, request.android_hash
        )
        subject = None if request.subject is None else wording.subject(request.subject)
        anonymous = request.anonymous
        if anonymous is None:
            anonymous = request.purpose in self._settings.anonymous_purposes
        bound = Bound(
            tenant=request.client.tenant,
            client=request.client.id,
            purpose=request.purpose.value,
            number=request.to,
            subject=subject,
            anonymous=anonymous or request.decoy,
            decoy=request.decoy,
            is_test=request.to in self._test_numbers,
        )
        wanted = starting.Wanted(bound, words, _address(request.ip))
        if not self._asks_for_swaps(request.purpose) or bound.is_test:
            return wanted
        since = now_ms() - int(self._settings.sim_swap_age * 1000)
        swapped = await self._swaps.swapped_since(request.to, since, bound.tenant)
        return replace(wanted, swapped=swapped is True)

    def _asks_for_swaps(self, purpose: Purpose) -> bool:
        return self._settings.sim_swap != "off" and purpose in self._settings.sim_swap_purposes

    def _wording(
        self,
        app_name: str | None,
        locale: str | None,
        domain: str | None,
        android_hash: str | None,
    ) -> Wording:
        settings = self._settings
        site = settings.domain if domain is None else domain
        return Wording(
            app_name=wording.app_name(settings.app_name if app_name is None else app_name),
            locale=self.texts.language(None if locale is None else wording.locale(locale)),
            domain=wording.domain(site) if site else None,
            android_hash=None if android_hash is None else wording.android_hash(android_hash),
        )


_REFUSALS: dict[Outcome, type[EnumBackendError]] = {
    Outcome.INVALID: CodeInvalid,
    Outcome.EXPIRED: CodeExpired,
    Outcome.TOO_MANY: TooManyAttempts,
}


def typed(code: str) -> str:
    """A code as people type it, as ASCII digits: `١٢٣ ٤٥٦`, `123-456` -> `123456`."""
    kept = (character for character in code if character not in " -\t\u00a0\u2009")
    return "".join(
        str(digit) if (digit := unicodedata.decimal(character, None)) is not None else character
        for character in kept
    )


def _address(ip: str | None) -> str | None:
    if ip is None:
        return None
    try:
        return str(ipaddress.ip_address(ip))
    except ValueError:
        raise wrong_field("ip", "expected an IPv4 or IPv6 address") from None
