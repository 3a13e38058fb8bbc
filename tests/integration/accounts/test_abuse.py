"""Many at once: guesses, races, lock-outs."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from typing import Any

from enum_backend.errors import CodeInvalid
from tests.people import OTHER_PASSWORD, PASSWORD, People, Reply, anywhere, at_once, people

ALICE, BOB = "alice@example.org", "bob@example.org"
NUMBER, OTHER = "+14155550101", "+14155550102"
REQUEST, RESET = "/api/auth/sms/request-password-reset", "/api/auth/sms/verify-and-reset"
CONNECTIONS, GUESSES = 50, 500


def codes(but: str) -> list[str]:
    """Guesses, all wrong."""
    found = (f"{number:06}" for number in range(100_000, 100_000 + GUESSES + 1))
    return [code for code in found if code != but][:GUESSES]


async def from_fifty(work: list[Any]) -> Counter[tuple[int, str | None]]:
    """Run calls, fifty at a time; how often each answer came."""
    seen: Counter[tuple[int, str | None]] = Counter()
    waiting = iter(work)

    async def one() -> None:
        for call in waiting:
            reply: Reply = await call()
            seen[reply.status, reply.error_code] += 1

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return seen


async def test_brute_force_of_a_login_code(town: People) -> None:
    await town.with_two_factor(ALICE, NUMBER)
    token = await town.login_token(ALICE)
    code = await town.login_code(ALICE, token)
    seen = await from_fifty(
        [lambda guess=guess: town.verify(ALICE, token, guess) for guess in codes(code)]
    )
    assert sum(seen.values()) == GUESSES
    assert seen[400, "CODE_INVALID"] == 3
    assert seen[400, "TOO_MANY_ATTEMPTS"] == GUESSES - 3
    assert (await town.verify(ALICE, token, code)).error_code == "TOO_MANY_ATTEMPTS"
    # Another login does not give the code new attempts beyond its own three.
    again = await town.login_token(ALICE)
    assert (await town.verify(ALICE, again, code)).status == 400


async def test_brute_force_of_a_reset_code(town: People) -> None:
    await town.with_phone(ALICE, NUMBER)
    before = len(town.server.messages)
    await town.post(REQUEST, {"phoneNumber": NUMBER})
    code = await town.next_code(before)

    def body(guess: str) -> dict[str, str]:
        return {"phoneNumber": NUMBER, "code": guess, "newPassword": OTHER_PASSWORD}

    guesses = codes(code)
    same = anywhere()
    calls = [
        # Half from one address, half from everywhere.
        lambda guess=guess, at=same if number % 2 else "": town.post(RESET, body(guess), ip=at)
        for number, guess in enumerate(guesses)
    ]
    seen = await from_fifty(calls)
    assert seen[400, "CODE_INVALID"] <= 3
    assert {status for status, _ in seen} <= {400, 429}
    assert (await town.post(RESET, body(code))).error_code == "TOO_MANY_ATTEMPTS"
    assert (await town.login(ALICE)).status == 200


async def test_a_right_login_code_works_once(town: People) -> None:
    await town.with_two_factor(ALICE, NUMBER)
    token = await town.login_token(ALICE)
    code = await town.login_code(ALICE, token)
    replies = await at_once(100, lambda _: town.verify(ALICE, token, code))
    assert Counter(reply.status for reply in replies) == {200: 1, 400: 99}


async def test_a_right_reset_code_works_once(town: People) -> None:
    await town.with_phone(ALICE, NUMBER)
    before = len(town.server.messages)
    await town.post(REQUEST, {"phoneNumber": NUMBER})
    body = {
        "phoneNumber": NUMBER,
        "code": await town.next_code(before),
        "newPassword": OTHER_PASSWORD,
    }
    replies = await at_once(100, lambda _: town.post(RESET, body))
    assert Counter(reply.status for reply in replies) == {200: 1, 400: 99}


async def test_a_right_code_verifies_a_phone_once(town: People) -> None:
    token = await town.register(ALICE)
    path = "/api/auth/sms/send-phone-verification"
    code = await town.code_of(town.good(path, {"phoneNumber": NUMBER}, token=token))
    verify = "/api/auth/sms/verify-phone"
    replies = await at_once(50, lambda _: town.post(verify, {"code": code}, token=token))
    assert Counter(reply.status for reply in replies) == {200: 1, 400: 49}


async def test_a_backup_code_works_once(town: People) -> None:
    _, backup = await town.with_two_factor(ALICE, NUMBER)
    user = await town.accounts.users.find_by_email(ALICE)
    assert user is not None
    logins = town.accounts.logins

    async def use() -> bool:
        try:
            await logins.prove(user, backup[0], use_backup_code=True, verification=None)
        except CodeInvalid:
            return False
        return True

    assert sum(await asyncio.gather(*(use() for _ in range(50)))) == 1
    waiting = [await town.login_token(ALICE) for _ in range(5)]
    replies = await at_once(
        5, lambda number: town.verify(ALICE, waiting[number], backup[1], backup=True)
    )
    assert Counter(reply.status for reply in replies) == {200: 1, 400: 4}


async def test_two_accounts_race_for_a_number(town: People) -> None:
    tokens = [await town.register(ALICE), await town.register(BOB)]
    path = "/api/auth/sms/send-phone-verification"
    shown = [
        await town.code_of(town.good(path, {"phoneNumber": NUMBER}, token=token))
        for token in tokens
    ]
    verify = "/api/auth/sms/verify-phone"
    replies = await at_once(
        2, lambda number: town.post(verify, {"code": shown[number]}, token=tokens[number])
    )
    assert Counter(reply.status for reply in replies) == {200: 1, 403: 1}


async def test_two_registrations_race_for_an_address(town: People) -> None:
    passwords = [f"green lanterns {number}" for number in range(10)]
    body = [{"email": ALICE, "password": password} for password in passwords]
    replies = await at_once(10, lambda number: town.post("/api/auth/register", body[number]))
    assert {reply.status for reply in replies} == {200}
    alive = [await town.lives(reply.body["token"]) for reply in replies]
    assert alive.count(True) == 1
    assert (await town.login(ALICE, passwords[alive.index(True)])).status == 200


async def test_guessed_passwords_are_slowed_down_but_the_owner_gets_in(town: People) -> None:
    await town.with_phone(ALICE, NUMBER)
    home = anywhere()
    known = await town.login(ALICE, ip=home)
    replies = await at_once(40, lambda _: town.login(ALICE, "a guess of many"))
    seen = Counter(reply.status for reply in replies)
    assert seen[401] == 10  # what nobody waits for, however many come at once
    assert seen[429] == 30
    refused = await town.login(ALICE)
    assert refused.error_code == "RATE_LIMIT_EXCEEDED"
    assert int(refused.headers["Retry-After"]) >= 1
    assert (await town.events()).count("LOGIN_LOCKED") == 1
    # The right password from where the owner was before, or with the device's cookie.
    assert (await town.login(ALICE, ip=home)).status == 200
    await at_once(12, lambda _: town.login(ALICE, "a guess of many"))
    assert (await town.login(ALICE, cookies=known.cookies)).status == 200
    # A cookie of somebody else, or altered, helps nobody.
    await town.register(BOB)
    bobs = (await town.login(BOB)).cookies
    await at_once(12, lambda _: town.login(ALICE, "a guess of many"))
    assert (await town.login(ALICE, cookies=bobs)).status == 429
    altered = {"ebd": known.cookies["ebd"][:-2] + "xx"}
    assert (await town.login(ALICE, cookies=altered)).status == 429


async def test_the_way_back_in_stays_open(town: People) -> None:
    """Locked out on a new device at a new place: the phone still resets the password."""
    await town.with_phone(ALICE, NUMBER)
    await at_once(15, lambda _: town.login(ALICE, "a guess of many"))
    assert (await town.login(ALICE)).status == 429
    before = len(town.server.messages)
    await town.post(REQUEST, {"phoneNumber": NUMBER})
    body = {"phoneNumber": NUMBER, "code": await town.next_code(before)}
    reset = await town.post(RESET, body | {"newPassword": OTHER_PASSWORD})
    assert reset.status == 200
    assert (await town.login(ALICE, OTHER_PASSWORD)).status == 200
    await at_once(15, lambda _: town.login(ALICE, "a guess of many"))
    assert (await town.login(ALICE, OTHER_PASSWORD, cookies=reset.cookies)).status == 200


async def test_a_known_device_is_slowed_down_too(town: People) -> None:
    await town.register(ALICE)
    cookies = (await town.login(ALICE)).cookies
    replies = await at_once(20, lambda _: town.login(ALICE, "a guess", cookies=cookies))
    assert Counter(reply.status for reply in replies) == {401: 10, 429: 10}


async def test_a_restart_forgets_nothing(tmp_path: Any, storage_settings: dict[str, Any]) -> None:
    place = {"data_dir": str(tmp_path / "data"), "server_key": base64.b64encode(bytes(32)).decode()}
    async with people(storage_settings, place) as town:
        token = await town.register(ALICE)
        await at_once(12, lambda _: town.login(ALICE, "a guess of many"))
    async with people(storage_settings, place) as town:
        assert (await town.login(ALICE)).status == 429
        assert await town.lives(token)


async def test_one_address_over_many_accounts(town: People) -> None:
    at = anywhere()
    replies = await at_once(110, lambda number: town.login(f"user{number}@example.org", ip=at))
    seen = Counter(reply.status for reply in replies)
    assert seen == {401: 100, 429: 10}
    assert (await town.login("fresh@example.org")).status == 401


async def test_wrong_second_factors_are_slowed_down(town: People) -> None:
    """Whoever knows the password cannot go on guessing with login after login."""
    _, backup = await town.with_two_factor(ALICE, NUMBER)
    seen: Counter[int] = Counter()
    for _ in range(3):
        token = await town.login_token(ALICE)
        for _ in range(3):
            reply = await town.verify(ALICE, token, "aaaaa-aaaaa", backup=True)
            seen[reply.status] += 1
    assert seen == {400: 6, 429: 3}
    home = anywhere()
    assert (await town.verify(ALICE, await town.login_token(ALICE), backup[0], ip=home)).status in {
        400,
        429,
    }
    assert (await town.login(ALICE, PASSWORD)).body["requires2FA"]
