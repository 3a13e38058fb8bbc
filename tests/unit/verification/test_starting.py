"""A code is sent, sent again, or not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import insert

from enum_backend.errors import (
    EnumBackendError,
    Forbidden,
    OptedOut,
    RateLimitExceeded,
    SettingsError,
    SmsDisabled,
    ValidationFailed,
)
from enum_backend.messaging.model import Client, MessageState
from enum_backend.settings.models import LimitSettings
from enum_backend.storage.tables import opt_outs
from enum_backend.verification import Purpose
from enum_backend.verification.swaps import SimSwaps
from tests.unit.verification.verification_world import (
    BRITISH,
    DAY,
    HOUR,
    MINUTE,
    TO,
    Verifying,
    asked,
)

RESET = Purpose.PASSWORD_RESET
LOGIN = Purpose.TWO_FACTOR_AUTH


async def refused(verifying: Verifying, kind: type[EnumBackendError], **changes: Any) -> Any:
    with pytest.raises(kind) as caught:
        await verifying.start(**changes)
    return caught.value


async def test_outbox_holds_template_and_id_but_no_text(verifying: Verifying) -> None:
    started = await verifying.start(purpose=LOGIN, locale="de-AT", app_name="Beispiel")
    assert started.sent
    (row,) = await verifying.world.rows()
    assert row.message_id == started.message_id
    assert (row.template, row.verification_id) == ("TWO_FACTOR_AUTH/de", started.verification_id)
    assert row.body is None
    assert (row.kind, row.priority, row.erase_body) == ("code", 0, True)
    assert (row.encoding, row.segments) == ("GSM-7", 1)
    code = await verifying.code_of(started.verification_id)
    stored = json.dumps([str(dict(item._mapping)) for item in [row]])
    assert code not in stored


async def test_goes_to_the_number_itself(verifying: Verifying) -> None:
    record = {"voice": "sip:a@b.example", "sms": f"alpha:{BRITISH}"}
    verifying.world.source.put(f"enum:{TO[1:]}:0", record)
    await verifying.world.send(to=TO)
    await verifying.start()
    message, code = await verifying.world.rows()
    assert (message.requested_to, message.destination) == (TO, BRITISH)
    assert (code.requested_to, code.destination) == (TO, TO)


async def test_resend_is_the_same_code_after_a_growing_pause(verifying: Verifying) -> None:
    first = await verifying.start()
    code = await verifying.code_of(first.verification_id)
    for pause in (30, 60, 120, 240):
        too_early = await refused(verifying, RateLimitExceeded)
        assert too_early.retry_after == pause
        verifying.time.pass_(pause * 1000 - 1)
        assert (await refused(verifying, RateLimitExceeded)).retry_after == 0.001
        verifying.time.pass_(1)
        again = await verifying.start()
        assert again.resent
        assert (again.verification_id, again.expires_at) == (
            first.verification_id,
            first.expires_at,
        )
        assert again.resend_at == verifying.time.now + 2 * pause * 1000
    assert await verifying.code_of(first.verification_id) == code
    assert len(await verifying.world.rows()) == 5
    assert (await verifying.row(first.verification_id)).sends == 5


async def test_resend_may_read_otherwise(verifying: Verifying) -> None:
    first = await verifying.start(locale="en")
    verifying.time.pass_(MINUTE)
    await verifying.start(locale="fr", domain="example.org")
    row = await verifying.row(first.verification_id)
    assert (row.locale, row.domain) == ("fr", "example.org")


async def test_new_code_at_the_end_of_its_life(verifying: Verifying) -> None:
    first = await verifying.start()
    verifying.time.pass_(10 * MINUTE - 30_000)
    second = await verifying.start()
    assert second.verification_id != first.verification_id
    assert second.expires_at == verifying.time.now + 10 * MINUTE


async def test_used_code_leaves_no_pause(verifying: Verifying) -> None:
    first = await verifying.start()
    code = await verifying.code_of(first.verification_id)
    await verifying.service.check(first.verification_id, code)
    second = await verifying.start()
    assert second.verification_id != first.verification_id
    assert second.resend_at == verifying.time.now + 30_000


async def test_exhausted_code_is_replaced_but_its_pause_grows_on(verifying: Verifying) -> None:
    first = await verifying.start()
    for step in (1, 2, 3):
        wrong = await verifying.wrong_code(first.verification_id, step)
        with pytest.raises(EnumBackendError):
            await verifying.service.check(first.verification_id, wrong)
    await refused(verifying, RateLimitExceeded)
    verifying.time.pass_(30_000)
    second = await verifying.start()
    assert not second.resent
    assert second.verification_id != first.verification_id
    assert second.resend_at == verifying.time.now + 60_000


@pytest.mark.parametrize("state", [MessageState.FAILED, MessageState.UNDELIVERED])
async def test_message_that_did_not_arrive_leaves_no_pause(
    verifying: Verifying, state: MessageState
) -> None:
    started = await verifying.start()
    await verifying.world.change(started.message_id, state=state.value)
    again = await verifying.start()
    assert again.verification_id == started.verification_id


async def test_strangers_do_not_learn_that_it_did_not_arrive(verifying: Verifying) -> None:
    started = await verifying.start(purpose=RESET)
    await verifying.world.change(started.message_id, state="failed")
    await refused(verifying, RateLimitExceeded, purpose=RESET)


async def test_pauses_are_per_purpose_and_subject(verifying: Verifying) -> None:
    ids = {
        (await verifying.start(**changes)).verification_id
        for changes in (
            {},
            {"purpose": LOGIN},
            {"subject": "user_1"},
            {"subject": "user_2"},
            {"client": Client("key:k2", "acme", 0)},
        )
    }
    assert len(ids) == 5


async def test_shares_the_recipients_limit_with_messages(verifying: Verifying) -> None:
    verifying.world.limits = LimitSettings(per_recipient_hour=2, per_recipient_day=0, daily_cost=0)
    await verifying.world.send(to=TO)
    await verifying.start()
    before = await verifying.counts()
    error = await refused(verifying, RateLimitExceeded, purpose=LOGIN)
    assert "per_recipient_hour" in error.message
    # Nothing is left of it but the record.
    assert len(await verifying.verification_rows()) == 1
    assert await verifying.counts() == before
    last = (await verifying.decision_rows())[-1]
    assert (last.verdict, last.reasons, last.counted) == ("unsent", "RATE_LIMIT_EXCEEDED", False)


async def test_resend_spends_the_budget(verifying: Verifying) -> None:
    verifying.world.limits = LimitSettings(per_recipient_hour=2, per_recipient_day=0, daily_cost=0)
    first = await verifying.start()
    verifying.time.pass_(MINUTE)
    second = await verifying.start()
    verifying.time.pass_(MINUTE)
    error = await refused(verifying, RateLimitExceeded)
    assert "per_recipient_hour" in error.message
    # The pause is as it was, and the code still counts.
    row = await verifying.row(first.verification_id)
    assert (row.sends, row.resend_at) == (2, second.resend_at)
    code = await verifying.code_of(first.verification_id)
    assert await verifying.service.check(first.verification_id, code)


async def test_client_limit(verifying: Verifying) -> None:
    clients = []

    class Counting:
        async def hit(self, client: str, per_minute: int, *, name: str) -> None:
            clients.append((client, per_minute, name))

    service = verifying.service
    service._messages._client_limits = Counting()  # type: ignore[assignment]
    await service.start(asked(client=Client("key:k7", "default", 7)))
    assert clients == [("key:k7", 7, "per_client_minute")]


async def test_opted_out_and_disabled(verifying: Verifying) -> None:
    entry = {"recipient": TO, "tenant": "default", "sender": "*", "source": "manual"}
    await verifying.world.database.write(
        lambda c: c.execute(insert(opt_outs).values(**entry, created_at=1)).rowcount
    )
    await refused(verifying, OptedOut)
    verifying.world.mode = "disabled"
    await refused(verifying, SmsDisabled, to=BRITISH)
    assert await verifying.verification_rows() == []
    assert [row.reasons for row in await verifying.decision_rows()] == ["OPTED_OUT", "SMS_DISABLED"]


async def test_premium_numbers_are_refused(verifying: Verifying) -> None:
    await refused(verifying, Forbidden, to="+19005550123")
    assert await verifying.world.rows() == []


async def test_strangers_have_a_quota_of_their_own(verifying: Verifying) -> None:
    verifying.world.limits = LimitSettings(per_recipient_hour=5, per_recipient_day=20, daily_cost=0)
    await verifying.start(purpose=RESET)
    verifying.time.pass_(MINUTE)
    await verifying.start(purpose=RESET)
    verifying.time.pass_(2 * MINUTE)
    error = await refused(verifying, RateLimitExceeded, purpose=RESET)
    assert "anonymous_per_recipient_hour" in error.message
    assert error.retry_after == pytest.approx(57 * 60)
    # Not even in the name of somebody, of a decoy or of another tenant.
    await refused(verifying, RateLimitExceeded, purpose=RESET, subject="user_1")
    await refused(verifying, RateLimitExceeded, purpose=RESET, decoy=True)
    other = Client("key:other", "acme", 0)
    await refused(verifying, RateLimitExceeded, purpose=RESET, client=other)
    # The owner's sign-ins are not touched.
    for _ in range(3):
        await verifying.start(purpose=LOGIN, subject="user_1")
        verifying.time.pass_(5 * MINUTE)
    verifying.time.pass_(HOUR)
    assert await verifying.start(purpose=RESET)


async def test_no_purpose_of_strangers_uses_up_another(verifying: Verifying) -> None:
    verifying.world.limits = LimitSettings(per_recipient_hour=5, per_recipient_day=20, daily_cost=0)
    acme = Client("key:other", "acme", 0)
    await verifying.start(anonymous=True, subject="usr_1")
    await verifying.start(anonymous=True, subject="usr_2", client=acme)
    error = await refused(verifying, RateLimitExceeded, anonymous=True, subject="usr_3")
    assert "anonymous_per_recipient_hour" in error.message
    await verifying.start(purpose=RESET)
    # All of them together leave two for the owner's sign-ins.
    for purpose in Purpose:
        changes: dict[str, Any] = {"purpose": purpose, "subject": "usr_9", "client": acme}
        error = await refused(verifying, RateLimitExceeded, anonymous=True, **changes)
    assert "anonymous_total_hour" in error.message
    await verifying.start(purpose=LOGIN, subject="usr_1")
    await verifying.start(purpose=LOGIN, subject="usr_2")


async def test_known_people_leave_a_reserve_for_sign_ins(verifying: Verifying) -> None:
    verifying.world.limits = LimitSettings(per_recipient_hour=5, per_recipient_day=20, daily_cost=0)
    for n in range(4):
        await verifying.start(subject=f"user_{n}", client=Client("key:k", f"tenant{n}", 0))
    for changes in ({}, {"purpose": LOGIN}, {"purpose": RESET, "anonymous": False}):
        error = await refused(verifying, RateLimitExceeded, **changes)
        assert "two_factor_reserve_hour" in error.message
    # Nor may strangers take it, however few codes they had.
    await refused(verifying, RateLimitExceeded, purpose=RESET)
    await verifying.start(purpose=LOGIN, subject="user_1")
    verifying.time.pass_(HOUR)
    await verifying.start()


async def test_reserve_of_a_day(verifying: Verifying) -> None:
    verifying.set(anonymous_per_recipient_day=1)
    verifying.world.limits = LimitSettings(per_recipient_hour=0, per_recipient_day=6, daily_cost=0)
    for n in range(2):
        await verifying.start(subject=f"user_{n}")
    error = await refused(verifying, RateLimitExceeded)
    assert "two_factor_reserve_day" in error.message
    await verifying.start(purpose=LOGIN, subject="user_1")


async def test_two_strangers_at_once_take_one_place(verifying: Verifying) -> None:
    starts = [verifying.start(anonymous=True, subject=f"usr_{n}") for n in range(8)]
    results = await asyncio.gather(*starts, return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 2


async def test_what_is_known_of_a_reset_does_not_share_the_strangers_quota(
    verifying: Verifying,
) -> None:
    for n in range(2):
        await verifying.start(purpose=RESET, subject=f"user_{n}")
    await refused(verifying, RateLimitExceeded, purpose=RESET, subject="user_9")
    known = await verifying.start(purpose=RESET, subject="user_9", anonymous=False)
    assert not (await verifying.row(known.verification_id)).anonymous


async def test_strangers_daily_quota(verifying: Verifying) -> None:
    verifying.set(anonymous_per_recipient_hour=0, anonymous_per_recipient_day=2)
    for _ in range(2):
        await verifying.start(purpose=RESET)
        verifying.time.pass_(11 * MINUTE)
    error = await refused(verifying, RateLimitExceeded, purpose=RESET)
    assert "anonymous_per_recipient_day" in error.message
    assert error.retry_after == pytest.approx((DAY - 22 * MINUTE) / 1000)
    verifying.set(anonymous_per_recipient_hour=0, anonymous_per_recipient_day=0)
    assert await verifying.start(purpose=RESET)


async def test_limits_by_address(verifying: Verifying) -> None:
    verifying.set(per_ip_hour=2, per_ip_day=3, fraud={"action": "off"})
    numbers = [f"+1415555010{n}" for n in range(9)]
    for number in numbers[:2]:
        await verifying.start(to=number, ip="192.0.2.7")
    error = await refused(verifying, RateLimitExceeded, to=numbers[2], ip="192.0.2.7")
    assert "per_ip_hour" in error.message
    assert error.retry_after
    await verifying.start(to=numbers[3], ip="192.0.2.8")
    await verifying.start(to=numbers[4])
    verifying.time.pass_(HOUR + 6 * MINUTE)
    await verifying.start(to=numbers[5], ip="192.0.2.7")
    error = await refused(verifying, RateLimitExceeded, to=numbers[6], ip="192.0.2.7")
    assert "per_ip_day" in error.message


async def test_networks_of_ipv6_count_as_one_address(verifying: Verifying) -> None:
    verifying.set(per_ip_hour=1)
    await verifying.start(ip="2001:db8::1")
    await refused(verifying, RateLimitExceeded, to=BRITISH, ip="2001:db8::ffff:2")
    await verifying.start(to=BRITISH, ip="2001:db8:0:1::1")
    await verifying.start(to="+14155550101", ip="::ffff:192.0.2.1")
    await refused(verifying, RateLimitExceeded, to="+14155550102", ip="192.0.2.1")


async def test_numbers_for_tests(verifying: Verifying) -> None:
    verifying.test_numbers = (TO,)
    verifying.set(test_code="424242", per_ip_hour=1, fraud={"action": "deny"})
    verifying.world.limits = LimitSettings(per_recipient_hour=1, per_recipient_day=1, daily_cost=0)
    started = [await verifying.start(purpose=RESET, ip="192.0.2.1") for _ in range(12)]
    assert len({item.verification_id for item in started}) == 1
    assert {row.gateway for row in await verifying.world.rows()} == {"simulator"}
    assert {row.verdict for row in await verifying.decision_rows()} == {"exempt"}
    assert await verifying.counts() == {}
    checked = await verifying.service.check(started[0].verification_id, "424242")
    assert checked.number == TO
    # The fixed code is of test numbers only.
    real = await verifying.start(to=BRITISH)
    assert await verifying.code_of(real.verification_id) != "424242"


async def test_numbers_for_tests_where_nothing_is_sent(verifying: Verifying) -> None:
    verifying.test_numbers = (TO,)
    verifying.world.mode = "disabled"
    await refused(verifying, SmsDisabled)
    assert await verifying.counts() == {}
    assert await verifying.verification_rows() == []
    (row,) = await verifying.decision_rows()
    assert (row.verdict, row.reasons) == ("unsent", "SMS_DISABLED")


async def test_test_numbers_without_a_fixed_code(verifying: Verifying) -> None:
    verifying.test_numbers = (TO,)
    started = await verifying.start()
    code = await verifying.code_of(started.verification_id)
    assert await verifying.service.check(started.verification_id, code)


class Knowing(SimSwaps):
    def __init__(self, answer: bool | None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, int, str]] = []

    async def swapped_since(self, number: str, since: int, tenant: str) -> bool | None:
        self.asked.append((number, since, tenant))
        return self.answer


async def test_sim_swap_is_refused_where_it_endangers(verifying: Verifying) -> None:
    verifying.set(sim_swap="refuse", sim_swap_age="3d")
    verifying.swaps = swaps = Knowing(True)
    error = await refused(verifying, Forbidden, purpose=LOGIN)
    assert "SIM" in error.message
    assert swaps.asked == [(TO, verifying.time.now - 3 * DAY, "default")]
    assert await verifying.world.rows() == []
    (row,) = await verifying.decision_rows()
    assert (row.verdict, row.reasons) == ("blocked", "sim_swap")
    assert [event.event_type for event in verifying.recorded] == ["FRAUD_BLOCKED"]
    await verifying.start(purpose=Purpose.PHONE_VERIFICATION)
    assert len(swaps.asked) == 1


async def test_sim_swap_is_noted(verifying: Verifying) -> None:
    verifying.set(sim_swap="record")
    verifying.swaps = Knowing(True)
    await verifying.start(purpose=LOGIN)
    (row,) = await verifying.decision_rows()
    assert (row.verdict, row.reasons) == ("flagged", "sim_swap")


@pytest.mark.parametrize("answer", [False, None])
async def test_no_sim_swap_or_nobody_knows(verifying: Verifying, answer: bool | None) -> None:
    verifying.set(sim_swap="refuse")
    verifying.swaps = Knowing(answer)
    await verifying.start(purpose=LOGIN)
    verifying.swaps = None
    await verifying.start(purpose=RESET)


async def test_sim_swap_beside_a_warning(verifying: Verifying) -> None:
    verifying.set(sim_swap="record", fraud={"prefix_per_hour": 1})
    verifying.swaps = Knowing(True)
    await verifying.start(purpose=LOGIN, to="+14155550101")
    await verifying.start(purpose=LOGIN, to="+14155550102")
    assert (await verifying.decision_rows())[-1].reasons == "prefix_hour sim_swap"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"app_name": "a\nb"}, "app_name"),
        ({"locale": "not a language"}, "locale"),
        ({"domain": "https://example.org/"}, "domain"),
        ({"android_hash": "short"}, "android_hash"),
        ({"subject": "with blank"}, "subject"),
        ({"ip": "192.0.2.300"}, "ip"),
    ],
)
async def test_wrong_input_is_named(
    verifying: Verifying, changes: dict[str, Any], field: str
) -> None:
    error = await refused(verifying, ValidationFailed, **changes)
    assert [item.field for item in error.errors] == [field]
    assert await verifying.verification_rows() == []
    assert verifying.told == [("start", "PHONE_VERIFICATION", "VALIDATION_FAILED")]


@pytest.mark.parametrize("bad", [{"app_name": "www.example.org"}, {"domain": "localhost:80"}])
async def test_settings_that_cannot_stand_in_a_text(
    verifying: Verifying, bad: dict[str, str]
) -> None:
    verifying.set(**bad)
    with pytest.raises(SettingsError, match=f"verification.{next(iter(bad))}: "):
        _ = verifying.service


async def test_defaults_of_the_settings(verifying: Verifying) -> None:
    verifying.set(app_name="Example", locale="fr", domain="Example.ORG")
    preview = await verifying.service.preview(LOGIN)
    assert preview.text == (
        "Example: 000000 est votre code de connexion. Ne le communiquez à personne."
        "\n@example.org #000000"
    )
    assert (preview.locale, preview.encoding, preview.segments) == ("fr", "GSM-7", 1)
    assert preview.characters == len(preview.text)
    bare = await verifying.service.preview(LOGIN, app_name="", domain="", locale="xx")
    assert bare.text == "000000 est votre code de connexion. Ne le communiquez à personne."


async def test_two_requests_at_once_send_one_message(verifying: Verifying) -> None:
    results = await asyncio.gather(*(verifying.start() for _ in range(10)), return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert len(await verifying.world.rows()) == 1


async def test_statistics(verifying: Verifying) -> None:
    await verifying.start(to=BRITISH, purpose=LOGIN)
    verifying.time.pass_(2 * HOUR)
    started = await verifying.start()
    code = await verifying.code_of(started.verification_id)
    with pytest.raises(EnumBackendError):
        await verifying.service.check(
            started.verification_id, await verifying.wrong_code(started.verification_id)
        )
    await verifying.service.check(started.verification_id, code)
    await verifying.start(decoy=True, to="+14155550199")
    await verifying.start(to="+14155550198", client=Client("key:x", "acme", 0))
    mine = await verifying.service.statistics("default")
    total = mine.total
    assert (total.started, total.started_hour, total.sent) == (2, 1, 2)
    assert (total.verified, total.attempts, total.success_rate) == (1, 2, 0.5)
    assert mine.by_purpose["TWO_FACTOR_AUTH"].started == 1
    assert mine.by_purpose["CUSTOM"].success_rate is None
    assert mine.verdicts == {"allowed": 3}
    assert (await verifying.service.statistics()).total.started == 3


async def test_pruning(verifying: Verifying) -> None:
    verifying.set(keep="2d", fraud={"keep": "20d"})
    await verifying.start()
    verifying.time.pass_(2 * DAY - 1)
    await verifying.service.prune()
    assert len(await verifying.verification_rows()) == 1
    verifying.time.pass_(2)
    await verifying.service.prune()
    assert await verifying.verification_rows() == []
    assert len(await verifying.service.decisions()) == 1
    verifying.time.pass_(18 * DAY)
    await verifying.service.prune()
    assert await verifying.service.decisions() == []
