"""`/api/admin/sms`, the first admin, and what admins do by hand."""

from __future__ import annotations

import json

import pytest

from enum_backend.accounts import Admin
from enum_backend.accounts.phones import NumberTaken
from enum_backend.errors import CodeInvalid, Forbidden, NotFound, ValidationFailed
from tests.people import CODE, OTHER_PASSWORD, PASSWORD, People, at_once

ALICE, BOB, ROOT = "alice@example.org", "bob@example.org", "root@example.org"
NUMBER, OTHER = "+14155550101", "+14155550102"
ADMIN = "/api/admin/sms"
BY = Admin("key_test")


async def admin_token(town: People) -> str:
    await town.accounts.create_user(ROOT, PASSWORD, is_admin=True, by=BY)
    token: str = (await town.login(ROOT)).body["token"]
    return token


async def id_of(town: People, email: str) -> str:
    user = await town.accounts.users.find_by_email(email)
    assert user is not None
    return user.id


async def test_who_may(town: People) -> None:
    users = await town.register(ALICE)
    weak = await town.server.create_key("sms:send", "verify")
    for path in (f"{ADMIN}/sms-logs", f"{ADMIN}/stats"):
        assert (await town.get(path)).error_code == "UNAUTHORIZED"
        assert (await town.get(path, token=users)).error_code == "FORBIDDEN"
        assert (await town.get(path, token=weak)).error_code == "FORBIDDEN"
        assert (await town.get(path, token="ebk_made-up")).error_code == "UNAUTHORIZED"
        assert (await town.get(path, token=town.server.api_key)).status == 200
        assert (await town.get(path, token=await town_admin(town))).status == 200
    for path in (f"{ADMIN}/send-password-reset", f"{ADMIN}/verify-user-phone"):
        assert (await town.post(path, {"userId": "x"}, token=users)).error_code == "FORBIDDEN"
        reply = await town.post(path, {"userId": "x"}, token=town.server.api_key)
        assert reply.error_code == "NOT_FOUND"
        for wrong in ({}, {"userId": ""}, {"userId": 7}, {"userId": "a\u0000b"}):
            reply = await town.post(path, wrong, token=town.server.api_key)
            assert reply.error_code == "VALIDATION_FAILED"


async def town_admin(town: People) -> str:
    if await town.accounts.users.find_by_email(ROOT) is None:
        return await admin_token(town)
    token: str = (await town.login(ROOT)).body["token"]
    return token


async def test_send_password_reset(town: People) -> None:
    await town.with_phone(ALICE, NUMBER)
    admin = await admin_token(town)
    path, body = f"{ADMIN}/send-password-reset", {"userId": await id_of(town, ALICE)}
    before = len(town.server.messages)
    reply = await town.good(path, body, token=admin)
    assert reply.keys() == {"success", "message"}
    reset = {
        "phoneNumber": NUMBER,
        "code": await town.next_code(before),
        "newPassword": OTHER_PASSWORD,
    }
    await town.good("/api/auth/sms/verify-and-reset", reset)
    assert (await town.login(ALICE, OTHER_PASSWORD)).status == 200
    without = {"userId": await id_of(town, ROOT)}
    assert (await town.post(path, without, token=admin)).error_code == "VALIDATION_FAILED"
    page = await town.server.services.audit.page(event_type="ADMIN_PASSWORD_RESET_SENT")
    (entry,) = page.entries
    assert entry.metadata["adminEmail"] == ROOT
    assert entry.metadata["targetUserEmail"] == ALICE


async def test_verify_a_phone_by_hand(town: People) -> None:
    token = await town.register(ALICE)
    path, body = f"{ADMIN}/verify-user-phone", {"userId": await id_of(town, ALICE)}
    key = town.server.api_key
    assert (await town.post(path, body, token=key)).error_code == "VALIDATION_FAILED"
    sms = "/api/auth/sms/send-phone-verification"
    await town.good(sms, {"phoneNumber": NUMBER}, token=token)
    await town.good(path, body, token=key)
    assert (await town.get("/api/auth/me", token=token)).body["phoneVerified"]
    await town.good(path, body, token=key)  # once more changes nothing
    bob = await town.register(BOB)
    await town.good(sms, {"phoneNumber": NUMBER}, token=bob)
    taken = await town.post(path, {"userId": await id_of(town, BOB)}, token=key)
    assert taken.error_code == "FORBIDDEN"
    bobs = await id_of(town, BOB)
    with pytest.raises(NumberTaken):
        await town.accounts.verify_phone_by_hand(bobs, NUMBER, by=BY)
    moved = await town.accounts.verify_phone_by_hand(bobs, NUMBER, by=BY, move=True)
    assert (moved.phone, moved.phone_verified) == (NUMBER, True)
    me = (await town.get("/api/auth/me", token=token)).body
    assert (me["phoneNumber"], me["phoneVerified"]) == (None, False)
    assert "PHONE_MOVED" in await town.events()


async def test_logs_and_stats(town: People) -> None:
    await town.with_two_factor(ALICE, NUMBER)
    await town.with_phone(BOB, OTHER)
    await town.post("/api/auth/sms/request-password-reset", {"phoneNumber": "+14155550199"})
    codes = {match[1] for sms in town.server.messages if (match := CODE.search(sms.text))}
    key = town.server.api_key
    alice = await id_of(town, ALICE)
    reply = await town.get(f"{ADMIN}/sms-logs?limit=2", token=key)
    assert reply.body["success"] is True
    data = reply.body["data"]
    assert data["pagination"] == {"total": 3, "limit": 2, "offset": 0, "hasMore": True}
    assert {item["type"]: item["count"] for item in data["stats"]} == {
        "PHONE_VERIFICATION": 2,
        "TWO_FACTOR_AUTH": 1,
    }
    rest = (await town.get(f"{ADMIN}/sms-logs?limit=2&offset=2", token=key)).body["data"]
    assert rest["pagination"] == {"total": 3, "limit": 2, "offset": 2, "hasMore": False}
    hers = (await town.get(f"{ADMIN}/sms-logs?userId={alice}", token=key)).body["data"]
    assert [log["type"] for log in hers["logs"]] == ["TWO_FACTOR_AUTH", "PHONE_VERIFICATION"]
    newest = hers["logs"][0]
    assert newest.keys() == {
        "id",
        "userId",
        "phoneNumber",
        "type",
        "createdAt",
        "expiresAt",
        "used",
        "usedAt",
        "attemptsCount",
    }
    assert (newest["userId"], newest["phoneNumber"]) == (alice, NUMBER)
    assert (newest["used"], newest["attemptsCount"]) == (True, 1)
    stats = (await town.get(f"{ADMIN}/stats", token=key)).body
    overview = stats["data"]["overview"]
    assert overview == {
        "totalSMSsent": 3,
        "totalUsersWithPhone": 2,
        "totalVerifiedPhones": 2,
        "total2FAEnabled": 1,
        "smsLastHour": 3,
        "smsToday": overview["smsToday"],
        "successRate": "100.0%",
    }
    assert stats["data"]["byType"] == {"PHONE_VERIFICATION": 2, "TWO_FACTOR_AUTH": 1}
    shown = json.dumps([reply.body, rest, hers, stats])
    assert not [code for code in codes if f'"{code}"' in shown or f" {code} " in shown]
    for query in ("limit=0", "limit=501", "offset=-1", "limit=x", "more=1", "userId=a%00b"):
        reply = await town.get(f"{ADMIN}/sms-logs?{query}", token=key)
        assert reply.error_code == "VALIDATION_FAILED"


async def test_first_admin(town: People) -> None:
    first = town.accounts.first_admin
    assert await first.needed()
    one, two = await first.offer(), await first.offer()
    assert one is not None
    assert two is not None
    for token in ("", "made-up"):
        with pytest.raises(CodeInvalid):
            await first.redeem(token, ROOT, PASSWORD)
    with pytest.raises(ValidationFailed):
        await first.redeem(one, ROOT, "password")
    await town.register(ALICE)
    with pytest.raises(ValidationFailed):
        await first.redeem(one, ALICE, PASSWORD)
    user = await first.redeem(one, ROOT, PASSWORD)
    assert user.is_admin
    assert not await first.needed()
    assert await first.offer() is None
    for token in (one, two):
        with pytest.raises(CodeInvalid):
            await first.redeem(token, BOB, PASSWORD)
    assert "FIRST_ADMIN_CREATED" in await town.events()
    with pytest.raises(Forbidden):
        await town.accounts.set_admin(user.id, False, by=BY)
    with pytest.raises(Forbidden):
        await town.accounts.set_disabled(user.id, True, by=BY)
    with pytest.raises(Forbidden):
        await town.accounts.delete_user(user.id, by=BY)
    assert (await town.login(ROOT)).status == 200


async def test_by_hand(town: People) -> None:
    token, codes = await town.with_two_factor(ALICE, NUMBER)
    alice = await id_of(town, ALICE)
    await at_once(15, lambda _: town.login(ALICE, "a guess of many"))
    user = await town.accounts.reset_by_hand(alice, OTHER_PASSWORD, by=BY)
    assert user.two_factor
    assert not await town.lives(token)
    assert (await town.login(ALICE, OTHER_PASSWORD)).body["requires2FA"]
    user = await town.accounts.reset_by_hand(alice, PASSWORD, by=BY, two_factor_off=True)
    assert (user.two_factor, user.backup_codes) == (False, 0)
    token = (await town.login(ALICE)).body["token"]
    assert codes
    assert await town.accounts.end_all_sessions(alice, by=BY) == 1
    assert not await town.lives(token)
    with pytest.raises(ValidationFailed):
        await town.accounts.create_user(ALICE, PASSWORD, by=BY)
    with pytest.raises(NotFound):
        await town.accounts.set_admin("usr_nobody", True, by=BY)
    with pytest.raises(NotFound):
        await town.accounts.reset_by_hand("usr_nobody", PASSWORD, by=BY)
    await town.accounts.create_user(ROOT, PASSWORD, is_admin=True, by=BY)
    assert (await town.accounts.set_admin(alice, True, by=BY)).is_admin
    found = await town.accounts.users.page(search="ALICE")
    assert [(user.email, user.phone) for user in found] == [(ALICE, NUMBER)]
    assert [user.email for user in await town.accounts.users.page(after=ALICE)] == [ROOT]
    assert await town.accounts.users.count() == 2
    await town.accounts.delete_user(alice, by=BY)
    assert await town.accounts.users.find(alice) is None
    assert await town.accounts.users.find_by_phone(NUMBER) is None
    assert (await town.login(ALICE)).status == 401
