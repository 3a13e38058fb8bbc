"""Passwords, backup codes, authenticator codes, e-mail addresses."""

from __future__ import annotations

import asyncio

import pyotp
import pytest
from sqlalchemy import select

from enum_backend.accounts import authenticator, backup_codes, passwords
from enum_backend.accounts.common_passwords import is_common
from enum_backend.accounts.emails import checked_email, normal_email
from enum_backend.accounts.own_users import OwnUsers
from enum_backend.accounts.passwords import Passwords, check_password
from enum_backend.accounts.users import UserStore
from enum_backend.errors import NotFound, RateLimitExceeded, ValidationFailed
from enum_backend.settings.accounts import AccountSettings
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import backup_codes as table
from enum_backend.storage.tables import users as users_table


@pytest.mark.parametrize(
    "password",
    [
        *("password", "PASSWORD", "Password123", "123password", "iloveyou", "12345678"),
        *(
            "87654321",
            "qwertyuiop",
            "abcdefgh",
            "zyxwvuts",
            "aaaaaaaa",
            "abababab",
            "abcabcabc",
            "1q2w3e4r",
        ),
    ],
)
def test_common(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password",
    [
        *("correct horse battery staple", "Tr0ub4dor&3", "Sommer in Zürich", "пароль моей мамы"),
        *("SecurePass123!", "kX9#mP2$vL5@", "aaaaaaab", "x" * 64 + "y" * 64, "        9"),
    ],
)
def test_not_common(password: str) -> None:
    assert not is_common(password)
    check_password(password, "a@example.org")


def test_lengths_are_counted_in_characters() -> None:
    check_password("é" * 7 + "x")
    check_password("ab" + "🦊" * 126)
    for wrong in ("é" * 7, "ab" + "🦊" * 127, ""):
        with pytest.raises(ValidationFailed):
            check_password(wrong)


async def test_hash_and_verify(passwords: Passwords) -> None:
    stored = await passwords.hash("Zoë's lantern")
    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert await passwords.verify(stored, "Zoe\u0308's lantern")  # NFC and NFD are the same
    assert not await passwords.verify(stored, "Zoe's lantern")
    assert not await passwords.verify(None, "Zoe's lantern")
    assert not await passwords.verify("no hash", "Zoe's lantern")
    assert not passwords.is_outdated(stored)


async def test_changed_parameters_take_effect_at_the_next_login(
    database: Database, users: UserStore
) -> None:
    await users.create("a@example.org", "seven green lanterns")
    stronger = Passwords(AccountSettings(hash_memory=16, hash_passes=2))
    own = OwnUsers(database, stronger)

    async def stored() -> str:
        query = select(users_table.c.password_hash)
        return await database.read(lambda c: c.execute(query).scalar_one())

    assert "m=8,t=1" in await stored()
    assert await own.authenticate("a@example.org", "not this one") is None
    assert "m=8,t=1" in await stored()
    assert await own.authenticate("a@example.org", "seven green lanterns")
    assert "m=16,t=2" in await stored()
    assert await own.authenticate("a@example.org", "seven green lanterns")
    with pytest.raises(NotFound):
        await own.set_password("usr_nobody", "seven green lanterns")
    stronger.close()


async def test_the_loop_goes_on_and_too_many_are_refused(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enum_backend.accounts.passwords.MOST_WAITING", 5)
    results = await asyncio.gather(
        *(passwords.hash("seven green lanterns") for _ in range(8)), return_exceptions=True
    )
    assert len([item for item in results if isinstance(item, str)]) == 5
    assert len([item for item in results if isinstance(item, RateLimitExceeded)]) == 3
    assert await passwords.hash("seven green lanterns")
    task = asyncio.create_task(passwords.hash("seven green lanterns"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    results = await asyncio.gather(*(passwords.hash("seven green") for _ in range(4)))
    assert len(results) == 4


def test_module_names() -> None:
    assert passwords.SHORTEST == 8


async def test_backup_codes(database: Database, sealer: Sealer) -> None:
    codes = await database.write(lambda c: backup_codes.replace_in(c, sealer, "usr_1"))
    rows = await database.read(lambda c: c.execute(select(table)).all())
    assert len(rows) == len({*codes}) == 10
    assert not any(code in repr(rows) for code in codes)

    async def use(user_id: str, code: str) -> bool:
        return await database.write(lambda c: backup_codes.use_in(c, sealer, user_id, code))

    assert not await use("usr_2", codes[0])
    assert not await use("usr_1", "")
    assert sum(await asyncio.gather(*(use("usr_1", codes[0]) for _ in range(50)))) == 1
    assert await use("usr_1", f" {codes[1].upper()} ")
    assert await database.read(lambda c: backup_codes.left_in(c, "usr_1")) == 8
    await database.write(lambda c: backup_codes.replace_in(c, sealer, "usr_1"))
    assert not await use("usr_1", codes[2])
    assert await database.read(lambda c: backup_codes.left_in(c, "usr_1")) == 10


def test_authenticator_steps() -> None:
    secret = authenticator.new_secret()
    app = pyotp.TOTP(secret)
    now = 1_800_000_015.0
    here = int(now) // 30
    for drift in (-1, 0, 1):
        code = app.generate_otp(here + drift)
        assert authenticator.step_of(secret, code, now) == here + drift
        assert authenticator.step_of(secret, f"{code[:3]} {code[3:]}", now) == here + drift
    for drift in (-2, 2):
        assert authenticator.step_of(secret, app.generate_otp(here + drift), now) is None
    for wrong in ("", "1", "é" * 6, "١٢٣٤٥٦"):
        assert authenticator.step_of(secret, wrong, now) is None
    found = authenticator.enrolment(secret, "a@example.org", "Shop & Co")
    assert "issuer=Shop%20%26%20Co" in found.uri
    assert secret not in repr(found)
    assert "<script" not in found.qr


def test_addresses() -> None:
    assert normal_email("  Alice@Example.ORG\n") == "alice@example.org"
    assert normal_email("a\u0000b@example.org") == ""
    assert checked_email("A.b+c@Example.org") == "a.b+c@example.org"
    for wrong in ("", "a", "a@b", "@example.org", "a b@example.org", "a@exa_mple.org", "ä@ö.de"):
        with pytest.raises(ValidationFailed):
            checked_email(wrong)
