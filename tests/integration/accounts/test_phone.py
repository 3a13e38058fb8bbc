"""Phones of accounts: verified by a code, by one account only."""

from __future__ import annotations

from typing import Any

from tests.people import PASSWORD, People, people, wait_until

ALICE, BOB = "alice@example.org", "bob@example.org"
NUMBER, OTHER = "+14155550101", "+14155550102"
SEND, VERIFY = "/api/auth/sms/send-phone-verification", "/api/auth/sms/verify-phone"


async def test_verify_a_phone(town: People) -> None:
    token = await town.register(ALICE)
    assert (await town.post(VERIFY, {"code": "123456"}, token=token)).error_code == "CODE_EXPIRED"
    sending = town.good(SEND, {"phoneNumber": "(415) 555-0101"}, token=token)
    code = await town.code_of(sending)
    me = (await town.get("/api/auth/me", token=token)).body
    assert (me["phoneNumber"], me["phoneVerified"]) == (NUMBER, False)
    wrong = f"{(int(code) - 99_999) % 900_000 + 100_000}"
    assert (await town.post(VERIFY, {"code": wrong}, token=token)).error_code == "CODE_INVALID"
    body = await town.good(VERIFY, {"code": code}, token=token)
    assert body.keys() == {"success", "message"}
    me = (await town.get("/api/auth/me", token=token)).body
    assert (me["phoneNumber"], me["phoneVerified"]) == (NUMBER, True)
    again = await town.post(VERIFY, {"code": code}, token=token)
    assert again.status == 400
    bad = await town.post(SEND, {"phoneNumber": "12"}, token=token)
    assert bad.error_code == "INVALID_PHONE_FORMAT"
    assert bad.body["errors"][0]["field"] == "phoneNumber"


async def test_a_code_is_of_one_account(town: People) -> None:
    alice, bob = await town.register(ALICE), await town.register(BOB)
    code = await town.code_of(town.good(SEND, {"phoneNumber": NUMBER}, token=alice))
    bobs = await town.code_of(town.good(SEND, {"phoneNumber": NUMBER}, token=bob))
    assert code != bobs
    assert (await town.post(VERIFY, {"code": code}, token=bob)).error_code == "CODE_INVALID"
    await town.good(VERIFY, {"code": code}, token=alice)


async def test_a_verified_number_is_not_taken_over(town: People) -> None:
    alice = await town.with_phone(ALICE, NUMBER)
    bob = await town.register(BOB)
    code = await town.code_of(town.good(SEND, {"phoneNumber": NUMBER}, token=bob))
    reply = await town.post(VERIFY, {"code": code}, token=bob)
    assert reply.error_code == "FORBIDDEN"
    assert "Another account" in reply.body["detail"]
    assert "PHONE_TAKEN" in await town.events()
    assert (await town.get("/api/auth/me", token=alice)).body["phoneVerified"]
    assert not (await town.get("/api/auth/me", token=bob)).body["phoneVerified"]
    remove = "/api/auth/sms/remove-phone"
    assert (await town.post(remove, {"password": "wrong, wrong"}, token=alice)).status == 403
    await town.good(remove, {"password": PASSWORD}, token=alice)
    await town.verify_phone(bob, NUMBER)


async def test_a_new_number_replaces_the_old_one_only_when_verified(town: People) -> None:
    token = await town.with_phone(ALICE, NUMBER)
    await town.good(SEND, {"phoneNumber": OTHER}, token=token)
    user = await town.accounts.users.find_by_phone(NUMBER)
    assert user is not None
    assert (user.phone, user.phone_verified, user.pending_phone) == (NUMBER, True, OTHER)
    await town.verify_phone(token, OTHER)
    assert await town.accounts.users.find_by_phone(NUMBER) is None

    async def told() -> bool:
        return any(m.to == NUMBER and "was changed" in m.text for m in town.server.messages)

    await wait_until(told)


async def test_a_phone_needs_a_recent_login(storage_settings: dict[str, Any]) -> None:
    async with people(storage_settings, {"accounts": {"recent": 0.001}}) as town:
        token = await town.register(ALICE)
        reply = await town.post(SEND, {"phoneNumber": NUMBER}, token=token)
        assert reply.error_code == "FORBIDDEN"
        assert "Log in again" in reply.body["detail"]
        assert (await town.post("/api/auth/totp/enroll", token=token)).status == 403


async def test_the_phone_of_the_second_factor_stays(town: People) -> None:
    token, _ = await town.with_two_factor(ALICE, NUMBER)
    body = {"password": PASSWORD}
    reply = await town.post("/api/auth/sms/remove-phone", body, token=token)
    assert reply.error_code == "FORBIDDEN"
    await town.good("/api/auth/2fa/disable", body, token=token)
    await town.good("/api/auth/sms/remove-phone", body, token=token)


async def test_numbers_of_others_have_the_smaller_quota(storage_settings: dict[str, Any]) -> None:
    """Until its code was shown, nobody is known to own the number."""
    limits = {"verification": {"anonymous_per_recipient_hour": 1}}
    async with people(storage_settings, limits) as town:
        alice, bob = await town.with_phone(ALICE, NUMBER), await town.register(BOB)
        assert (await town.post(SEND, {"phoneNumber": NUMBER}, token=bob)).status == 429
        await town.good(SEND, {"phoneNumber": NUMBER}, token=alice)
        await town.good(SEND, {"phoneNumber": OTHER}, token=bob)
        assert (await town.post(SEND, {"phoneNumber": OTHER}, token=bob)).status == 429
