"""Register, log in, log out, sessions: over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from enum_backend.accounts import Admin
from tests.people import OTHER_PASSWORD, PASSWORD, People, anywhere, people

ALICE = "alice@example.org"
BOB = "bob@example.org"


async def test_register_log_in_and_out(town: People) -> None:
    first = await town.register("Alice@Example.ORG ")
    me = await town.get("/api/auth/me", token=first)
    assert me.body["email"] == ALICE
    assert me.body["isAdmin"] is me.body["twoFactorEnabled"] is me.body["phoneVerified"] is False
    assert me.headers["Cache-Control"] == "no-store"
    reply = await town.login("ALICE@example.org")
    assert reply.body.keys() == {"success", "token"}
    second = reply.body["token"]
    assert second.startswith("ebs_")
    assert second != first
    assert (await town.post("/api/auth/logout", token=second)).body == {"success": True}
    assert not await town.lives(second)
    assert await town.lives(first)
    assert (await town.post("/api/auth/logout", token=second)).body == {"success": True}
    assert {"ACCOUNT_REGISTERED", "LOGIN_SUCCEEDED", "LOGGED_OUT"} <= {*await town.events()}


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        (ALICE, "short 7", "password"),
        (ALICE, "x" * 129, "password"),
        (ALICE, "password1", "password"),
        (ALICE, "12345678", "password"),
        (ALICE, "qwertyuiop", "password"),
        (ALICE, "abababab", "password"),
        (ALICE, ALICE, "password"),
        ("longer.name@example.org", "Longer.Name", "password"),
        ("alice", PASSWORD, "email"),
        ("alice@localhost", PASSWORD, "email"),
        ("a b@example.org", PASSWORD, "email"),
        (f"{'a' * 250}@example.org", PASSWORD, "email"),
    ],
)
async def test_what_cannot_be_registered(
    town: People, email: str, password: str, field: str
) -> None:
    body = {"email": email, "password": password}
    reply = await town.post("/api/auth/register", body)
    assert reply.status == 422
    assert [item["field"] for item in reply.body["errors"]] == [field]
    assert password not in reply.body["detail"]


async def test_wrong_logins_are_all_alike(town: People) -> None:
    await town.register(ALICE)
    user = await town.accounts.users.find_by_email(ALICE)
    assert user is not None
    answers = [
        await town.login(ALICE, "not this one at all"),
        await town.login("nobody@example.org"),
        await town.login("", ""),
        await town.login("not an address", PASSWORD),
    ]
    assert {reply.status for reply in answers} == {401}
    assert len({reply.body["detail"] for reply in answers}) == 1
    assert "LOGIN_FAILED" in await town.events()


async def test_a_session_is_never_taken_over_from_the_caller(town: People) -> None:
    """Session fixation: a token that was there before the login is not the session's."""
    planted = await town.register(BOB)
    await town.register(ALICE)
    reply = await town.login(ALICE, token=planted, cookies={"ebs": planted, "ebd": planted})
    assert reply.body["token"] != planted
    assert (await town.get("/api/auth/me", token=planted)).body["email"] == BOB


async def test_bearer_tokens_and_cookies_are_apart(town: People) -> None:
    token = await town.register(ALICE)
    assert (await town.get("/api/auth/me", cookies={"ebs": token})).status == 401
    assert (await town.get("/api/auth/me")).status == 401
    assert (await town.get("/api/auth/me", token="ebs_nothing")).status == 401
    assert (await town.get("/api/auth/me", token=town.server.api_key)).status == 401


async def test_refresh_renews_and_the_former_token_ends(town: People) -> None:
    token = await town.register(ALICE)
    renewed = (await town.good("/api/auth/refresh", token=token))["token"]
    assert await town.lives(token)  # requests on their way
    assert await town.lives(renewed)
    again = await town.good("/api/auth/refresh", token=renewed)
    assert not await town.lives(token)
    assert await town.lives(again["token"])


async def test_sessions_can_be_listed_and_ended(town: People) -> None:
    mine = await town.register(ALICE)
    other = (await town.login(ALICE, ip="192.0.2.7")).body["token"]
    third = (await town.login(ALICE)).body["token"]
    bobs = await town.register(BOB)
    listed = (await town.get("/api/auth/sessions", token=mine)).body["sessions"]
    assert len(listed) == 3
    assert [item["current"] for item in listed].count(True) == 1
    (wanted,) = [item for item in listed if item["address"] == "192.0.2.7"]
    path = f"/api/auth/sessions/{wanted['id']}"
    assert (await town.call("DELETE", path, token=bobs)).status == 404
    assert (await town.call("DELETE", path, token=mine)).body["ended"] == 1
    assert (await town.call("DELETE", path, token=mine)).status == 404
    assert not await town.lives(other)
    assert await town.lives(third)
    assert (await town.call("DELETE", "/api/auth/sessions", token=mine)).body["ended"] == 1
    assert not await town.lives(third)
    assert await town.lives(mine)
    assert await town.lives(bobs)


async def test_change_of_password_ends_other_sessions(town: People) -> None:
    mine = await town.register(ALICE)
    other = (await town.login(ALICE)).body["token"]
    path = "/api/auth/password"
    wrong = {"currentPassword": OTHER_PASSWORD, "newPassword": OTHER_PASSWORD}
    assert (await town.post(path, wrong, token=mine)).status == 403
    weak = {"currentPassword": PASSWORD, "newPassword": "password"}
    assert (await town.post(path, weak, token=mine)).status == 422
    good = {"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD}
    await town.good(path, good, token=mine)
    assert await town.lives(mine)
    assert not await town.lives(other)
    assert (await town.login(ALICE)).status == 401
    assert (await town.login(ALICE, OTHER_PASSWORD)).status == 200


async def test_a_disabled_user_is_out_at_once(town: People) -> None:
    token = await town.register(ALICE)
    user = await town.accounts.users.find_by_email(ALICE)
    assert user is not None
    await town.accounts.create_user("root@example.org", PASSWORD, is_admin=True, by=Admin("x"))
    await town.accounts.set_disabled(user.id, True, by=Admin("x"))
    assert not await town.lives(token)
    assert (await town.login(ALICE)).status == 401
    await town.accounts.set_disabled(user.id, False, by=Admin("x"))
    assert not await town.lives(token)
    assert (await town.login(ALICE)).status == 200


async def test_requests_of_one_address_have_a_limit(storage_settings: dict[str, Any]) -> None:
    async with people(storage_settings, {"accounts": {"per_ip_minute": 3}}) as town:
        ip = anywhere()
        statuses = [(await town.login(ALICE, ip=ip)).status for _ in range(4)]
        assert statuses == [401, 401, 401, 429]
        reply = await town.get("/api/auth/me", ip=ip)
        assert reply.error_code == "RATE_LIMIT_EXCEEDED"
        assert int(reply.headers["Retry-After"]) >= 1
        assert (await town.login(ALICE)).status == 401


async def test_closed_registration(storage_settings: dict[str, Any]) -> None:
    async with people(storage_settings, {"accounts": {"registration": False}}) as town:
        body = {"email": ALICE, "password": PASSWORD}
        assert (await town.post("/api/auth/register", body)).status == 403


async def test_an_ipv6_network_is_one_address(storage_settings: dict[str, Any]) -> None:
    async with people(storage_settings, {"accounts": {"per_ip_minute": 2}}) as town:
        hosts = [f"2001:db8::{number}" for number in (1, 2, 3)]
        assert [(await town.login(ALICE, ip=ip)).status for ip in hosts] == [401, 401, 429]
        assert (await town.login(ALICE, ip="2001:db8:0:1::1")).status == 401


async def test_the_owner_hears_of_registrations_once_a_day(
    town: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(town.accounts._tell, "registered_again", told.append)
    for email in (ALICE, ALICE, ALICE, BOB, BOB):
        await town.register(email)
    assert told == [ALICE, BOB]
