"""Accounts in the console: one's own, and those of others."""

from __future__ import annotations

import re

import pyotp
import pytest

from enum_backend.accounts.model import User
from enum_backend.accounts.service import Admin

from .conftest import EMAIL, PASSWORD, Browser

PHONE = "+14155550142"
OTHER = "user@example.org"


async def verify_phone(admin: Browser) -> None:
    await admin.get("/profile")
    sent = await admin.post("/profile/phone", phone=PHONE)
    assert "A code is on its way" in sent.text
    code = await admin.code_sent_to(PHONE)
    assert code not in sent.text
    seen = await admin.post("/profile/phone/verify", code=code)
    assert "The number is verified." in seen.text


async def codes_of(browser: Browser, path: str, code: str) -> list[str]:
    seen = await browser.post(path, code=code)
    found = re.findall(r"<li>([\w-]+)</li>", seen.text)
    assert len(found) == 10, seen.words
    return found


async def test_two_factor_login_by_sms(admin: Browser) -> None:
    await verify_phone(admin)
    await admin.post("/profile/two-factor/sms")
    code = await admin.code_sent_to(PHONE, 2)
    wrong = await admin.post("/profile/two-factor/sms/confirm", code="100000")
    assert wrong.status == 400
    backup = await codes_of(admin, "/profile/two-factor/sms/confirm", code)
    assert backup[0] not in (await admin.get("/profile")).text

    before = len(admin.server.messages)
    await admin.post("/logout")
    step = await admin.post("/login", email=EMAIL, password=PASSWORD, next="/users")
    assert "A code is on its way to your phone." in step.text
    assert 'autocomplete="one-time-code"' in step.text
    pending = {name: step.hidden(name) for name in ("next", "email", "login_token", "methods")}
    again = await admin.post("/login/code", **pending)
    assert again.status in (200, 429)  # a pause lies between two
    code = await admin.code_sent_to(PHONE, before + 1)
    refused = await admin.post("/login/verify", code="100000", **pending)
    assert refused.status == 400
    entered = await admin.post("/login/verify", code=f"{code[:3]} {code[3:]}", **pending)
    assert entered.url == "/admin/users"

    await admin.post("/logout")
    step = await admin.post("/login", email=EMAIL, password=PASSWORD)
    pending = {name: step.hidden(name) for name in ("next", "email", "login_token", "methods")}
    entered = await admin.post("/login/verify", code=backup[0], backup="on", **pending)
    assert entered.url == "/admin"

    assert "Log in with the password alone" in (await admin.get("/profile/two-factor/off")).text
    kept = await admin.post("/profile/two-factor/off", password="wrong one")
    assert kept.status == 403
    gone = await admin.post("/profile/two-factor/off", password=PASSWORD)
    assert "Two-factor login is off." in gone.text
    assert "Remove the verified number" in (await admin.get("/profile/phone/remove")).text
    assert (await admin.post("/profile/phone/remove", password="wrong one")).status == 403
    removed = await admin.post("/profile/phone/remove", password=PASSWORD)
    assert "The number is removed." in removed.text


async def test_two_factor_login_by_an_app(admin: Browser) -> None:
    await admin.get("/profile")
    shown = await admin.post("/profile/two-factor/app")
    assert 'src="data:image/svg+xml,' in shown.text
    found = re.search(r'<code id="secret">([A-Z2-7 ]+)</code>', shown.text)
    assert found is not None
    generator = pyotp.TOTP(found[1].replace(" ", ""))
    wrong = await admin.post("/profile/two-factor/app/confirm", code="abc")
    assert wrong.status == 400
    assert "data:image" not in wrong.text
    await codes_of(admin, "/profile/two-factor/app/confirm", generator.now())
    assert "in use" in (await admin.get("/profile")).words
    await admin.post("/logout")
    step = await admin.post("/login", email=EMAIL, password=PASSWORD)
    assert "From your authenticator app." in step.text
    assert "by SMS" not in step.text
    assert "Stop using" not in step.text
    assert "Log in first" not in step.text


async def test_the_app_beside_sms_is_removed_alone(admin: Browser) -> None:
    await verify_phone(admin)
    await admin.post("/profile/two-factor/sms")
    await codes_of(admin, "/profile/two-factor/sms/confirm", await admin.code_sent_to(PHONE, 2))
    shown = await admin.post("/profile/two-factor/app")
    found = re.search(r'<code id="secret">([A-Z2-7 ]+)</code>', shown.text)
    assert found is not None
    code = pyotp.TOTP(found[1].replace(" ", "")).now()
    seen = await admin.post("/profile/two-factor/app/confirm", code=code)
    assert "The authenticator app is in use." in seen.text
    assert (
        "Stop using the authenticator app?" in (await admin.get("/profile/two-factor/app/off")).text
    )
    assert (await admin.post("/profile/two-factor/app/off", password="wrong")).status == 403
    gone = await admin.post("/profile/two-factor/app/off", password=PASSWORD)
    assert "The authenticator app is removed." in gone.text


async def test_codes_by_sms_need_a_verified_number(admin: Browser) -> None:
    await admin.get("/profile")
    seen = await admin.post("/profile/two-factor/sms")
    assert "Verify a phone number first." in seen.text
    assert (await admin.post("/profile/phone", phone="nonsense")).status == 422
    assert (await admin.post("/profile/phone/verify", code="123456")).status == 400


async def test_a_password_is_changed_by_who_knows_it(admin: Browser, stranger: Browser) -> None:
    await stranger.post("/login", email=EMAIL, password=PASSWORD)
    await admin.get("/profile")
    new = "another horse battery"
    differ = await admin.post("/profile/password", current=PASSWORD, new=new, again="other")
    assert 'id="again-error"' in differ.text
    short = await admin.post("/profile/password", current=PASSWORD, new="x", again="x")
    assert 'id="new-error"' in short.text
    wrong = await admin.post("/profile/password", current="wrong", new=new, again=new)
    assert wrong.status == 403
    assert new not in wrong.text
    done = await admin.post("/profile/password", current=PASSWORD, new=new, again=new)
    assert "The password is changed" in done.text
    assert (await stranger.get("")).url.startswith("/admin/login")


async def test_sessions_are_ended(admin: Browser, stranger: Browser) -> None:
    for _ in range(2):
        await stranger.post("/login", email=EMAIL, password=PASSWORD)
        seen = await admin.get("/profile")
        assert "End it" in seen.text
        found = re.findall(r'name="id" value="([^"]+)"', seen.text)
        ended = await admin.post("/profile/sessions", id=found[0])
        assert "Sessions ended: 1." in ended.text
        stranger.http.cookie_jar.clear()
    await stranger.post("/login", email=EMAIL, password=PASSWORD)
    assert "Sessions ended: 1." in (await admin.post("/profile/sessions")).text
    assert (await admin.post("/profile/sessions", id="none")).status == 404


async def make_user(admin: Browser) -> User:
    await admin.get("/users/new")
    made = await admin.post("/users/new", email=OTHER, password=PASSWORD, again=PASSWORD)
    assert f"{OTHER} has an account now." in made.words.replace(" .", "."), made.words
    user = await admin.server.services.accounts.users.find_by_email(OTHER)
    assert user is not None
    return user


async def test_users_are_made_and_found(anywhere: Browser) -> None:
    user = await make_user(anywhere)
    again = await anywhere.post("/users/new", email=OTHER, password=PASSWORD, again=PASSWORD)
    assert "has an account already" in again.text
    differ = await anywhere.post("/users/new", email="b@example.org", password=PASSWORD, again="x")
    assert 'id="again-error"' in differ.text
    listed = await anywhere.get("/users")
    assert user.id in listed.text
    assert "2 users" in listed.words
    assert user.id not in (await anywhere.get("/users?search=admin")).text
    assert "No users." in (await anywhere.get("/users?search=%3Cb%3E")).words


async def test_users_page_by_page(admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enum_backend.web.console.users.PER_PAGE", 1)
    await make_user(admin)
    first = await admin.get("/users")
    following = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert following is not None
    second = await admin.get("/users" + following[1].replace("&amp;", "&"))
    assert OTHER in second.text.replace("<wbr>", "")
    assert 'rel="next"' not in second.text


async def test_what_an_admin_does_about_a_user(admin: Browser, stranger: Browser) -> None:
    user = await make_user(admin)
    path = f"/users/{user.id}"
    users = admin.server.services.accounts.users

    async def now() -> User:
        found = await users.find(user.id)
        assert found is not None
        return found

    none = await admin.post(f"{path}/phone", number="")
    assert none.status == 422
    seen = await admin.post(f"{path}/phone", number=PHONE)
    assert "The number is verified." in seen.text
    assert (await now()).phone == PHONE
    assert "on its way" in (await admin.post(f"{path}/reset")).text
    code = await admin.code_sent_to(PHONE)
    assert code not in (await admin.get(path)).text

    for action, says in (
        ("promote", "is an admin now"),
        ("demote", "is no admin any more"),
        ("disable", "is disabled"),
        ("enable", "is enabled"),
        ("end-sessions", "have ended"),
    ):
        assert OTHER in (await admin.get(f"{path}/do/{action}")).text
        assert says in (await admin.post(f"{path}/do/{action}")).text
    assert (await admin.get(f"{path}/do/nothing")).status == 404

    new = "another horse battery"
    differ = await admin.post(f"{path}/password", password=new, again="x")
    assert differ.status == 422
    done = await admin.post(f"{path}/password", password=new, again=new, two_factor_off="on")
    assert "The password is set" in done.text
    kinds = {
        entry.event_type
        for entry in (await admin.server.services.audit.page(limit=200)).entries
        if entry.metadata.get("targetUserId") == user.id
    }
    assert {
        "ADMIN_USER_CREATED",
        "ADMIN_PHONE_VERIFIED",
        "ADMIN_PASSWORD_RESET_SENT",
        "ADMIN_RIGHTS_CHANGED",
        "ADMIN_USER_DISABLED",
        "ADMIN_SESSIONS_ENDED",
        "ADMIN_PASSWORD_SET",
    } <= kinds


async def test_an_admin_does_not_lock_itself_out(admin: Browser) -> None:
    me = await admin.server.services.accounts.users.find_by_email(EMAIL)
    assert me is not None
    path = f"/users/{me.id}"
    page = await admin.get(path)
    assert "do/disable" not in page.text
    for action in ("disable", "demote"):
        assert "cannot do that to yourself" in (await admin.post(f"{path}/do/{action}")).text
    refused = await admin.post(f"{path}/password", password=PASSWORD, again=PASSWORD)
    assert refused.status == 422
    no_phone = await admin.post(f"{path}/reset")
    assert "said bad" in no_phone.text


async def test_sms_management(anywhere: Browser) -> None:
    user = await make_user(anywhere)
    path = "/sms-management"
    assert "No codes yet." in (await anywhere.get(path)).words
    assert "No codes." in (await anywhere.get(f"{path}/logs")).words
    assert (await anywhere.post(f"{path}/reset", user="nobody@example.org")).status == 422
    assert (await anywhere.post(f"{path}/verify", user=OTHER)).status == 422
    await anywhere.server.services.accounts.verify_phone_by_hand(
        user.id, PHONE, by=Admin("key_test")
    )
    assert "is verified" in (await anywhere.post(f"{path}/verify", user=user.id)).text
    sent = await anywhere.post(f"{path}/reset", user=OTHER)
    assert "on its way" in sent.text
    code = await anywhere.code_sent_to(PHONE)
    logs = await anywhere.get(f"{path}/logs?user={OTHER}")
    assert "password reset" in logs.words
    assert "waits" in logs.words
    assert code not in logs.text
    assert "1 codes" in logs.words
    assert "No codes." in (await anywhere.get(f"{path}/logs?user={EMAIL}")).words
    assert "nobody has this" in (await anywhere.get(f"{path}/logs?user=x")).words
    assert (await anywhere.get(f"{path}/logs?offset=-1")).status == 422
