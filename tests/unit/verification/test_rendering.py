"""The text is made when the message leaves, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete
from structlog.testing import capture_logs

from enum_backend.errors import DatabaseUnavailable, ValidationFailed
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.messaging.made_texts import Withdrawn
from enum_backend.storage.tables import outbox, verifications
from enum_backend.verification import Purpose
from tests.unit.messaging.messaging_world import Scripted, World
from tests.unit.verification.verification_world import BRITISH, MINUTE, TO, Verifying, code_in


async def dispatched(verifying: Verifying, message_id: str, *states: str) -> Any:
    dispatcher = verifying.dispatcher()
    await dispatcher.start()
    try:
        return await verifying.world.settled(message_id, *states, seconds=30)
    finally:
        await dispatcher.stop()


def alpha(verifying: Verifying) -> Scripted:
    gateway = verifying.world.registry.get("alpha")
    assert isinstance(gateway, Scripted)
    return gateway


async def test_text_holds_the_code(verifying: Verifying) -> None:
    started = await verifying.start(app_name="Example", domain="example.org", locale="it")
    row = await dispatched(verifying, started.message_id, "sent")
    (sms,) = alpha(verifying).sent
    code = await verifying.code_of(started.verification_id)
    assert sms.to == TO
    assert sms.text == (
        f"Example: {code} è il codice per confermare questo numero. Non comunicarlo a nessuno."
        f"\n@example.org #{code}"
    )
    assert row.body is None
    assert await verifying.service.check(started.verification_id, code_in(sms.text))


async def test_resend_holds_the_same_code(verifying: Verifying) -> None:
    first = await verifying.start()
    verifying.time.pass_(MINUTE)
    second = await verifying.start()
    await dispatched(verifying, first.message_id, "sent")
    await dispatched(verifying, second.message_id, "sent")
    one, two = alpha(verifying).sent
    assert code_in(one.text) == code_in(two.text)


async def test_repeat_at_another_gateway_has_the_same_text(verifying: Verifying) -> None:
    verifying.world.gateway("beta")
    alpha(verifying).script = [GatewayError(Reason.AUTH_FAILED, "no")]
    started = await verifying.start()
    await dispatched(verifying, started.message_id, "sent")
    beta = verifying.world.registry.get("beta")
    assert isinstance(beta, Scripted)
    assert [sms.text for sms in beta.sent] == [sms.text for sms in alpha(verifying).sent]


async def test_decoy_is_withdrawn(verifying: Verifying) -> None:
    started = await verifying.start(decoy=True, purpose=Purpose.PASSWORD_RESET)
    row = await dispatched(verifying, started.message_id, "canceled")
    assert row.detail == "not wanted any more"
    assert (row.cost_micros, row.provider_message_id) == (None, None)
    (attempt,) = await verifying.world.tries(started.message_id)
    assert attempt.outcome == "refused"
    assert attempt.detail == "not sent: not wanted any more"
    assert alpha(verifying).sent == []


async def test_log_of_a_decoy_is_quiet_and_does_not_name_it(verifying: Verifying) -> None:
    with capture_logs() as logged:
        started = await verifying.start(decoy=True, purpose=Purpose.PASSWORD_RESET)
        await dispatched(verifying, started.message_id, "canceled")
    mine = [line for line in logged if line.get("message_id") == started.message_id]
    assert mine
    assert {line["log_level"] for line in mine} == {"info"}
    assert "decoy" not in str(mine)
    assert "lease" not in str(mine)


async def test_used_code_is_not_sent_again(verifying: Verifying) -> None:
    started = await verifying.start()
    verifying.time.pass_(MINUTE)
    again = await verifying.start()
    code = await verifying.code_of(started.verification_id)
    await verifying.service.check(started.verification_id, code)
    row = await dispatched(verifying, again.message_id, "canceled")
    assert row.detail == "the code was used meanwhile"
    assert alpha(verifying).sent == []


async def test_expired_and_vanished_codes(verifying: Verifying) -> None:
    started = await verifying.start(to=BRITISH)
    texts = verifying.code_texts
    template = "PHONE_VERIFICATION/en"
    assert await texts.text(template, started.verification_id)
    verifying.time.now = started.expires_at
    with pytest.raises(Withdrawn, match="expired"):
        await texts.text(template, started.verification_id)
    await verifying.world.database.write(lambda c: c.execute(delete(verifications)).rowcount)
    with pytest.raises(Withdrawn, match="gone"):
        await texts.text(template, started.verification_id)


async def test_database_that_is_away_for_a_moment(verifying: Verifying) -> None:
    started = await verifying.start()
    dispatcher = verifying.dispatcher()
    maker = verifying.code_texts
    failures = 2

    class Failing:
        async def text(self, template: str, verification_id: str) -> str:
            nonlocal failures
            if failures:
                failures -= 1
                raise DatabaseUnavailable
            return await maker.text(template, verification_id)

    dispatcher._handover._texts = Failing()
    await dispatcher.start()
    try:
        row = await verifying.world.settled(started.message_id, "sent", seconds=30)
    finally:
        await dispatcher.stop()
    assert row.attempts_made == 3
    assert len(alpha(verifying).sent) == 1


async def test_dispatcher_that_makes_no_texts(verifying: Verifying) -> None:
    """A process of an older version: the code is not sent, and nothing else is."""
    started = await verifying.start()
    world: World = verifying.world
    dispatcher = world.dispatcher()
    await dispatcher.start()
    try:
        row = await world.settled(started.message_id, "failed", seconds=30)
    finally:
        await dispatcher.stop()
    assert row.reason == "invalid_request"
    assert alpha(verifying).sent == []


async def test_cannot_be_sent_again_by_hand(verifying: Verifying) -> None:
    started = await verifying.start()
    await verifying.world.change(started.message_id, state="failed", next_attempt_at=None)
    with pytest.raises(ValidationFailed, match="erased"):
        await verifying.world.service.retry(started.message_id, "default")


async def test_no_code_in_any_row(verifying: Verifying) -> None:
    """What is stored of a code, from its start to its use, does not hold it."""
    started = await verifying.start(app_name="Example", domain="example.org", ip="192.0.2.1")
    code = await verifying.code_of(started.verification_id)
    await dispatched(verifying, started.message_id, "sent")
    await verifying.service.check(started.verification_id, code)
    tables = outbox.metadata.sorted_tables

    def everything(connection: Any) -> str:
        rows = [row for table in tables for row in connection.execute(table.select())]
        return repr([tuple(row) for row in rows])

    assert code not in await verifying.world.database.read(everything)
