"""Users of another program: a `UserDirectory` of its own."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from enum_backend.accounts import Admin, directory
from enum_backend.accounts.directory import Person, load_directory
from enum_backend.errors import Forbidden, SettingsError
from tests.people import OTHER_PASSWORD, PASSWORD, People, people

ALICE, ROOT = "alice@example.org", "root@example.org"
NUMBER = "+14155550101"


class ShopUsers:
    """Users in a dictionary."""

    def __init__(self) -> None:
        self.persons = {
            "17": Person("17", ALICE),
            "18": Person("18", ROOT, is_admin=True),
        }
        self.passwords = {"17": PASSWORD, "18": PASSWORD}

    async def find(self, user_id: str) -> Person | None:
        return self.persons.get(user_id)

    async def find_by_email(self, email: str) -> Person | None:
        return next((item for item in self.persons.values() if item.email == email), None)

    async def authenticate(self, email: str, password: str) -> Person | None:
        person = await self.find_by_email(email)
        known = self.passwords[person.id] if person else ""
        right = hmac.compare_digest(known.encode(), password.encode())
        return person if right else None

    async def set_password(self, user_id: str, password: str) -> None:
        self.passwords[user_id] = password

    async def page(self, *, search: str, after: str, limit: int) -> Sequence[Person]:
        found = sorted(self.persons.values(), key=lambda person: person.email)
        return [item for item in found if search in item.email and item.email > after][:limit]

    async def count(self) -> int:
        return len(self.persons)

    async def has_admin(self) -> bool:
        return any(person.is_admin for person in self.persons.values())


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry points a package of the shop would declare."""
    points = EntryPoints(
        [
            EntryPoint("shop", f"{__name__}:ShopUsers", directory.GROUP),
            EntryPoint("broken", "no_such_package:Users", directory.GROUP),
        ]
    )
    monkeypatch.setattr(directory, "entry_points", lambda group: points.select(group=group))
    monkeypatch.setitem(__import__("sys").modules, __name__, __import__("sys").modules[__name__])


@pytest.fixture
async def shop(storage_settings: dict[str, Any]) -> AsyncIterator[People]:
    async with people(storage_settings, {"accounts": {"directory": "shop"}}) as town:
        yield town


async def test_every_flow_with_users_of_another_program(shop: People) -> None:
    assert (await shop.login(ALICE, "not the password")).status == 401
    token = (await shop.login("Alice@Example.org")).body["token"]
    me = (await shop.get("/api/auth/me", token=token)).body
    assert (me["id"], me["email"]) == ("17", ALICE)
    await shop.verify_phone(token, NUMBER)
    code = await shop.code_of(shop.good("/api/auth/2fa/enable", token=token))
    await shop.good("/api/auth/2fa/verify-and-enable", {"code": code}, token=token)
    waiting = await shop.login_token(ALICE)
    done = await shop.verify(ALICE, waiting, await shop.login_code(ALICE, waiting))
    assert done.body["userId"] == "17"
    await shop.good("/api/auth/2fa/disable", {"password": PASSWORD}, token=token)
    change = {"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD}
    await shop.good("/api/auth/password", change, token=token)
    before = len(shop.server.messages)
    await shop.post("/api/auth/sms/request-password-reset", {"phoneNumber": NUMBER})
    reset = {
        "phoneNumber": NUMBER,
        "code": await shop.next_code(before),
        "newPassword": PASSWORD,
    }
    await shop.good("/api/auth/sms/verify-and-reset", reset)
    assert (await shop.login(ALICE)).status == 200
    admin = (await shop.login(ROOT)).body["token"]
    assert (await shop.get("/api/admin/sms/stats", token=admin)).status == 200
    found = await shop.accounts.users.page()
    assert [(user.id, user.phone) for user in found] == [("17", NUMBER), ("18", None)]


async def test_what_only_the_other_program_does(shop: People) -> None:
    body = {"email": "new@example.org", "password": PASSWORD}
    assert (await shop.post("/api/auth/register", body)).error_code == "FORBIDDEN"
    accounts, by = shop.accounts, Admin("key_test")
    with pytest.raises(Forbidden):
        await accounts.create_user("new@example.org", PASSWORD, by=by)
    with pytest.raises(Forbidden):
        await accounts.set_admin("17", True, by=by)
    with pytest.raises(Forbidden):
        await accounts.delete_user("17", by=by)
    assert await accounts.first_admin.offer() is None
    assert await accounts.users.count() == 2


def test_a_directory_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match=r"no entry point 'shops'.*broken, shop"):
        load_directory("shops")
    with pytest.raises(SettingsError, match="cannot be loaded"):
        load_directory("broken")


async def test_the_longest_ids(shop: People) -> None:
    """80 characters; with a prefix they would not fit into the columns of messages."""
    users = shop.accounts.users.directory
    assert isinstance(users, ShopUsers)
    long = "u" * 80
    users.persons[long] = Person(long, "long@example.org")
    users.passwords[long] = PASSWORD
    token = (await shop.login("long@example.org")).body["token"]
    await shop.verify_phone(token, NUMBER)
    code = await shop.code_of(shop.good("/api/auth/2fa/enable", token=token))
    await shop.good("/api/auth/2fa/verify-and-enable", {"code": code}, token=token)
