"""Between writing a code down and its message being accepted, nobody can guess at it."""

from __future__ import annotations

from typing import Any

import pytest

from enum_backend.errors import EnumBackendError, RateLimitExceeded, TooManyAttempts
from enum_backend.messaging.model import Accepted, SendRequest
from enum_backend.verification import Purpose, VerificationService, store
from tests.unit.verification.verification_world import MINUTE, TO, Verifying, asked

RESET = Purpose.PASSWORD_RESET


class Slow:
    """Accepts or refuses, but has the right code tried before."""

    def __init__(self, verifying: Verifying, *, accepts: bool) -> None:
        self._verifying = verifying
        self._accepts = accepts
        self.outcomes: list[str] = []

    async def send(self, request: SendRequest) -> Accepted:
        verifying, verification_id = self._verifying, request.verification_id or ""
        code = await verifying.code_of(verification_id)
        service = verifying.service
        await self._note(service.check(verification_id, code))
        await self._note(service.check_latest(TO, code, purpose=RESET))
        if not self._accepts:
            raise RateLimitExceeded("refused", retry_after=1)
        return await verifying.world.service.send(request)

    async def _note(self, checking: Any) -> None:
        try:
            await checking
            self.outcomes.append("approved")
        except EnumBackendError as error:
            self.outcomes.append(error.error_code)


def slow(verifying: Verifying, *, accepts: bool) -> tuple[VerificationService, Slow]:
    service, messages = verifying.service, Slow(verifying, accepts=accepts)
    service._messages = messages  # type: ignore[assignment]
    return service, messages


async def test_code_of_a_refused_message_is_never_compared(verifying: Verifying) -> None:
    service, messages = slow(verifying, accepts=False)
    for _ in range(5):
        with pytest.raises(RateLimitExceeded):
            await service.start(asked(purpose=RESET))
    assert messages.outcomes == ["TOO_MANY_ATTEMPTS"] * 10
    assert await verifying.verification_rows() == []


async def test_code_opens_when_its_message_is_accepted(verifying: Verifying) -> None:
    service, messages = slow(verifying, accepts=True)
    started = await service.start(asked(purpose=RESET))
    assert messages.outcomes == ["TOO_MANY_ATTEMPTS"] * 2
    assert (await verifying.row(started.verification_id)).attempts == 0
    code = await verifying.code_of(started.verification_id)
    assert await verifying.service.check(started.verification_id, code)


@pytest.mark.parametrize("accepts", [True, False])
async def test_resend_gives_no_attempts_back(verifying: Verifying, accepts: bool) -> None:
    started = await verifying.start()
    for step in (1, 2):
        wrong = await verifying.wrong_code(started.verification_id, step)
        with pytest.raises(EnumBackendError):
            await verifying.service.check(started.verification_id, wrong)
    verifying.time.pass_(MINUTE)
    if accepts:
        assert (await verifying.start()).resent
    else:
        verifying.world.mode = "disabled"
        with pytest.raises(EnumBackendError):
            await verifying.start()
    assert (await verifying.row(started.verification_id)).attempts == 2


async def test_exhausted_code_is_not_opened_again(verifying: Verifying) -> None:
    started = await verifying.start()
    for step in (1, 2, 3):
        wrong = await verifying.wrong_code(started.verification_id, step)
        with pytest.raises(EnumBackendError):
            await verifying.service.check(started.verification_id, wrong)
    await verifying.world.database.write(lambda c: store.open_(c, started.verification_id))
    assert (await verifying.row(started.verification_id)).attempts == 3


async def test_code_left_closed_by_a_crash_is_replaced(verifying: Verifying) -> None:
    class Crash(BaseException):
        pass

    class Dying:
        async def send(self, request: SendRequest) -> Accepted:
            await verifying.world.service.send(request)
            raise Crash

    service = verifying.service
    service._messages = Dying()  # type: ignore[assignment]
    with pytest.raises(Crash):
        await service.start(asked())
    (closed,) = await verifying.verification_rows()
    code = await verifying.code_of(closed.verification_id)
    with pytest.raises(TooManyAttempts):
        await verifying.service.check(closed.verification_id, code)
    assert (await verifying.service.statistics()).total.attempts == 0
    verifying.time.pass_(MINUTE)
    again = await verifying.start()
    assert not again.resent
    assert again.verification_id != closed.verification_id
    code = await verifying.code_of(again.verification_id)
    assert await verifying.service.check(again.verification_id, code)
