"""Who may enter the console, and what every page carries."""

from __future__ import annotations

import re

import pytest

from enum_backend.accounts.service import Admin
from enum_backend.testing import RunningServer
from enum_backend.web.console.frame import CONTENT_SECURITY_POLICY
from enum_backend.web.console.menu import MENU
from enum_backend.web.console.pages import PAGES

from .conftest import EMAIL, PASSWORD, Browser

DIRECT = [page.path for page in PAGES if page.method == "GET" and "{" not in page.path]
ENDLESS = "/live/stream"


async def test_the_first_visit_makes_the_first_admin(stranger: Browser) -> None:
    first = await stranger.get("")
    assert (first.status, first.url) == (200, "/admin/first")
    wrong = await stranger.post(
        "/first", token="nonsense", email=EMAIL, password=PASSWORD, again=PASSWORD
    )
    assert wrong.status == 400
    assert 'value="nonsense"' in wrong.text
    assert PASSWORD not in wrong.text

    token = await stranger.server.services.accounts.first_admin.offer()
    differ = await stranger.post(
        "/first", token=token, email=EMAIL, password=PASSWORD, again="another one"
    )
    assert differ.status == 422
    assert "is not the same password" in differ.text

    made = await stranger.post(
        "/first", token=token, email=EMAIL, password=PASSWORD, again=PASSWORD
    )
    assert (made.status, made.url) == (200, "/admin")
    assert "You are the first admin" in made.text
    assert "You are the first admin" not in (await stranger.get("")).text
    assert (await stranger.get("/first")).url == "/admin"


async def test_a_login_leads_to_the_page_that_was_wanted(admin: Browser) -> None:
    out = await admin.post("/logout")
    assert out.url == "/admin/login?bye=1"
    assert "You are logged out" in out.text
    asked = await admin.get("/messages?number=%2B14155550101")
    assert asked.url.startswith("/admin/login?next=")
    wanted = asked.hidden("next")
    back = await admin.post("/login", email=EMAIL, password=PASSWORD, next=wanted)
    assert (back.status, back.url) == (200, "/admin/messages?number=%2B14155550101")


async def test_a_login_leads_nowhere_else(admin: Browser) -> None:
    for wanted in ("//evil.example", "https://evil.example", "/..//evil", "\\evil", "/a\nb"):
        await admin.post("/logout")
        back = await admin.post("/login", email=EMAIL, password=PASSWORD, next=wanted)
        assert back.url == "/admin", wanted


async def test_a_wrong_password_says_no_more(admin: Browser) -> None:
    await admin.post("/logout")
    known = await admin.post("/login", email=EMAIL, password="wrong horse battery")
    unknown = await admin.post("/login", email="nobody@example.org", password="wrong horse")
    assert known.status == unknown.status == 401
    assert known.text.replace(EMAIL, "") == unknown.text.replace("nobody@example.org", "")


async def test_only_admins_enter(admin: Browser, stranger: Browser) -> None:
    await admin.server.services.accounts.users.create("user@example.org", PASSWORD)
    refused = await stranger.post("/login", email="user@example.org", password=PASSWORD)
    assert refused.status == 403
    assert "not an admin" in refused.text
    assert (await stranger.get("/users")).url.startswith("/admin/login")


async def test_a_session_of_no_admin_sees_no_page(admin: Browser, stranger: Browser) -> None:
    """The rights end at once, although the session lives."""
    accounts = admin.server.services.accounts
    other = await accounts.users.create("other@example.org", PASSWORD, is_admin=True)
    assert (await stranger.post("/login", email=other.email, password=PASSWORD)).status == 200
    await accounts.set_admin(other.id, False, by=Admin("key_test"))
    seen = await stranger.get("/users")
    assert seen.status == 403
    assert "admin@example.org" not in seen.text


async def test_every_page_has_the_policy(anywhere: Browser) -> None:
    for path in DIRECT:
        if path == ENDLESS:  # read by test_live
            continue
        seen = await anywhere.get(path)
        assert seen.status in (200, 422), path  # some want to know about what
        assert seen.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert seen.headers["X-Content-Type-Options"] == "nosniff"
        assert seen.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<[^>]+\s(style|on\w+)=", seen.text), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", seen.text), path
        assert not re.search(r"(src|href|action)=\"(https?:)?//", seen.text), path


async def test_nobody_sees_a_page_without_a_session(admin: Browser, stranger: Browser) -> None:
    for page in PAGES:
        path = re.sub(r"{\w+}", "x", page.path)
        if page.entry != "admin":
            continue
        if page.method == "GET":
            assert (await stranger.get(path)).url.startswith("/admin/login"), path
        else:
            assert (await stranger.post(path, csrf="x")).status == 401, path


async def test_no_form_is_taken_without_its_token(admin: Browser) -> None:
    for page in PAGES:
        if page.method == "POST":
            refused = await admin.post(re.sub(r"{\w+}", "x", page.path), csrf="wrong")
            assert refused.status == 403, page.path
            assert refused.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


async def test_no_form_is_taken_from_another_site(admin: Browser) -> None:
    await admin.get("/users/new")
    async with admin.http.post(
        "/admin/users/new",
        data={"csrf": admin.csrf, "email": "a@example.org"},
        headers={"Origin": "https://evil.example"},
    ) as response:
        assert response.status == 403


NO_FORMS = [
    (b"email=%ff", "application/x-www-form-urlencoded", 422),
    (b"email=a%00b", "application/x-www-form-urlencoded", 422),
    (b"&".join(b"a=1" for _ in range(300)), "application/x-www-form-urlencoded", 422),
    (b"{}", "application/json", 422),
    (b"x" * 900_000, "application/x-www-form-urlencoded", 413),
]


async def test_what_is_no_form(stranger: Browser) -> None:
    for body, kind, status in NO_FORMS:
        async with stranger.http.post(
            "/admin/login", data=body, headers={"Content-Type": kind}
        ) as response:
            assert response.status == status, body[:20]
            assert "<h1>" in await response.text()


async def test_errors_are_pages(admin: Browser, stranger: Browser) -> None:
    for browser in (admin, stranger):
        seen = await browser.get("/nowhere/at/all")
        assert seen.status == 404
        assert "There is no such page." in seen.text
    assert (await admin.get("/messages/msg_none")).status == 404
    assert (await admin.get("/users/usr_none")).status == 404
    assert (await admin.get("/users?search=%ff")).status == 422
    assert (await admin.get("/")).url == "/admin"


async def test_what_fails_inside_says_nothing_of_it(
    admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr("enum_backend.web.console.dashboard.source_facts", fail)
    seen = await admin.get("")
    assert seen.status == 500
    assert "secret of the inside" not in seen.text


async def test_static_files_are_kept_until_they_change(
    server: RunningServer, stranger: Browser
) -> None:
    page = await stranger.get("/first")
    found = re.findall(r'(?:src|href)="/admin(/static/[^"]+)"', page.text)
    assert {name.rpartition("/")[2].partition("?")[0] for name in found} == {
        "icon.svg",
        "console.css",
        "console.js",
    }
    for name in found:
        kept = await stranger.get(name)
        assert kept.status == 200
        assert "immutable" in kept.headers["Cache-Control"]
        fresh = await stranger.get(name.partition("?")[0])
        assert fresh.headers["Cache-Control"] == "no-cache"
    assert (await stranger.get("/static/pages.py")).status == 404
    assert (await stranger.get("/static/..%2fpages.py")).status == 404


def test_every_line_of_the_menu_has_its_page() -> None:
    entries = [entry.path for group in MENU for entry in group.entries]
    assert set(entries) <= set(DIRECT)
    lit = {page.path if page.menu is None else page.menu for page in PAGES}
    assert len(entries) == len(set(entries))
    assert set(entries) <= lit


async def test_the_theme_is_remembered(admin: Browser) -> None:
    assert "data-theme" not in (await admin.get("")).text.partition(">")[0]
    for value, wanted in (("dark", True), ("light", True), ('"><script>', False)):
        admin.http.cookie_jar.update_cookies({"eb_theme": value})
        head = (await admin.get("")).text[:200]
        assert (f'data-theme="{value}"' in head) is wanted
