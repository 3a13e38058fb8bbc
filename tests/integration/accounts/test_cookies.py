"""Sessions by cookie, as pages use them: CSRF, other sites, renewal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from enum_backend.accounts import LoggedIn
from enum_backend.web import application
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.sessions import (
    check_same_site,
    clear_cookie,
    find_session,
    origin_of,
    session_of,
    set_cookie,
)
from tests.people import PASSWORD, People, Reply, people, wait_until

ALICE = "alice@example.org"
CHANGE = "/api/auth/sessions"


async def _enter(call: Call) -> web.Response:
    """A login page: what the console does."""
    await check_same_site(call)
    form = await call.request.post()
    done = await call.services.accounts.login(
        str(form["email"]), str(form["password"]), origin_of(call, "cookie")
    )
    assert isinstance(done, LoggedIn)
    response = web.json_response({"csrf": done.session.csrf})
    set_cookie(call, response, done.issued)
    return response


async def _leave(call: Call) -> web.Response:
    session = await session_of(call, "cookie")
    await call.services.accounts.logout(session)
    response = web.json_response({})
    clear_cookie(call, response)
    return response


async def _page(call: Call) -> web.Response:
    session = await find_session(call, "cookie")
    return web.json_response({"email": session.user.email if session else None})


PAGES = (
    Endpoint("POST", "/page/enter", _enter, "", own_tokens=True, hidden=True),
    Endpoint("POST", "/page/leave", _leave, "", own_tokens=True, hidden=True),
    Endpoint("GET", "/page", _page, "", own_tokens=True, hidden=True),
)


@pytest.fixture
def with_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "ENDPOINTS", (*application.ENDPOINTS, *PAGES))


@pytest.fixture
async def town(storage_settings: dict[str, Any], with_pages: None) -> AsyncIterator[People]:
    async with people(storage_settings) as found:
        await found.register(ALICE)
        yield found


async def enter(town: People, **headers: str) -> Reply:
    """Log in on the page."""
    form = {"email": ALICE, "password": PASSWORD}
    async with town._http.post("/page/enter", data=form, headers=headers) as response:
        cookies = {name: item.value for name, item in response.cookies.items()}
        raw = response.headers.getall("Set-Cookie", [])
        document = await response.json(content_type=None)
        return Reply(response.status, document | {"raw": raw}, dict(response.headers), cookies)


async def test_a_change_needs_the_csrf_token(town: People) -> None:
    entered = await enter(town)
    cookies, csrf = entered.cookies, entered.body["csrf"]
    me = await town.get("/api/auth/me", cookies=cookies)
    assert (me.body["email"], me.body["csrfToken"]) == (ALICE, csrf)
    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": csrf[:-1] + "x"}):
        reply = await town.call("DELETE", CHANGE, cookies=cookies, headers=headers)
        assert reply.error_code == "FORBIDDEN"
    good = {"X-CSRF-Token": csrf}
    assert (await town.call("DELETE", CHANGE, cookies=cookies, headers=good)).status == 200
    other = (await enter(town)).body["csrf"]
    assert other != csrf
    reply = await town.call("DELETE", CHANGE, cookies=cookies, headers={"X-CSRF-Token": other})
    assert reply.status == 403


async def test_the_token_may_stand_in_a_form(town: People) -> None:
    entered = await enter(town)
    header = {"Cookie": f"ebs={entered.cookies['ebs']}"}
    for form, status in (({}, 403), ({"csrf": "wrong"}, 403)):
        async with town._http.post("/page/leave", data=form, headers=header) as response:
            assert response.status == status
    form = {"csrf": entered.body["csrf"]}
    async with town._http.post("/page/leave", data=form, headers=header) as response:
        assert response.status == 200
        assert response.cookies["ebs"].value == ""
    assert (await town.get("/api/auth/me", cookies=entered.cookies)).status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "HOST"}, 200),
    ],
)
async def test_other_sites_are_refused(town: People, headers: dict[str, str], status: int) -> None:
    ours = town.server.http_url
    headers = {name: value.replace("HOST", ours) for name, value in headers.items()}
    entered = await enter(town)
    sent = headers | {"X-CSRF-Token": entered.body["csrf"]}
    reply = await town.call("DELETE", CHANGE, cookies=entered.cookies, headers=sent)
    assert reply.status == status
    assert (await enter(town, **headers)).status == status


async def test_a_bearer_token_needs_no_csrf_token(town: People) -> None:
    token = (await town.login(ALICE)).body["token"]
    headers = {"Origin": "https://app.example"}
    assert (await town.call("DELETE", CHANGE, token=token, headers=headers)).status == 200


async def test_cookies_are_not_bearer_tokens(town: People) -> None:
    entered = await enter(town)
    assert not await town.lives(entered.cookies["ebs"])
    assert not await town.lives("ebs_" + entered.cookies["ebs"])
    cookie = {"Cookie": f"ebs={entered.cookies['ebs']}"}
    reply = await town.post(
        "/api/auth/refresh", headers=cookie | {"X-CSRF-Token": entered.body["csrf"]}
    )
    assert reply.status == 401


async def test_attributes_of_the_cookies(
    storage_settings: dict[str, Any], with_pages: None
) -> None:
    async with people(storage_settings) as town:
        await town.register(ALICE)
        for line in (await enter(town)).body["raw"]:
            assert line.startswith(("ebs=", "ebd="))
            assert "HttpOnly" in line
            assert "SameSite=Lax" in line
            assert "Path=/" in line
            assert "Secure" not in line
    over_https = {"public_base_url": "https://sms.example.org"}
    async with people({"accounts": {"hash_memory": 8}}, over_https) as town:
        await town.register(ALICE)
        entered = await enter(town, Origin="https://sms.example.org")
        for line in entered.body["raw"]:
            assert line.startswith(("__Host-ebs=", "__Host-ebd="))
            assert "Secure" in line
            assert "Domain" not in line
        assert (await town.get("/page", cookies=entered.cookies)).body["email"] == ALICE
        plain = {"ebs": entered.cookies["__Host-ebs"]}
        assert (await town.get("/page", cookies=plain)).body["email"] is None


async def test_an_old_token_is_renewed_on_the_way(
    storage_settings: dict[str, Any], with_pages: None
) -> None:
    async with people(storage_settings, {"accounts": {"session_rotate": 0.001}}) as town:
        await town.register(ALICE)
        first = (await enter(town)).cookies
        renewed = await town.get("/page", cookies=first)
        assert renewed.body["email"] == ALICE
        second = renewed.cookies
        assert second["ebs"] != first["ebs"]
        # The answer may have been lost: the former token goes on working.
        lost = await town.get("/page", cookies=first)
        assert (lost.body["email"], lost.cookies) == (ALICE, {})
        third = (await town.get("/page", cookies=second)).cookies
        assert third["ebs"] not in {first["ebs"], second["ebs"]}
        # Two renewals later it is nobody's.
        assert (await town.get("/page", cookies=first)).body["email"] is None

        async def still() -> bool:
            return (await town.get("/page", cookies=third)).body["email"] == ALICE

        await wait_until(still)


async def test_a_login_on_a_page_marks_the_device(town: People) -> None:
    cookies = (await enter(town)).cookies
    for _ in range(12):
        await town.login(ALICE, "not the password")
    assert (await town.login(ALICE)).status == 429
    assert (await town.login(ALICE, cookies={"ebd": cookies["ebd"]})).status == 200
