"""Signatures: any library of the specification takes them."""

from __future__ import annotations

import base64
import time

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.standard_webhooks import PREFIX, check_secret, new_secret, signed_headers

BODY = b'{"id":"dlv_1","type":"message.received"}'


def headers(*secrets: str, body: bytes = BODY) -> dict[str, str]:
    return signed_headers("dlv_1", int(time.time()), body, secrets)


def verifies(secret: str | bytes, told: dict[str, str], body: bytes = BODY) -> bool:
    try:
        standardwebhooks.Webhook(secret).verify(body, told, json_parse=False)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def test_a_random_secret() -> None:
    secret = new_secret()
    check_secret(secret)
    assert secret != new_secret()
    told = headers(secret)
    assert verifies(secret, told)
    assert not verifies(secret, told, BODY + b" ")
    assert not verifies(new_secret(), told)
    assert told["webhook-id"] == "dlv_1"
    assert len(told["webhook-signature"].split(" ")) == 1


def test_the_vector_of_the_specification() -> None:
    told = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],  # scan-secrets: allow
    )
    assert told["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "secret", ["a" * 32, "correct horse battery staple, and more", "0123456789abcdef" * 2]
)
def test_both_readings_of_a_plain_secret(secret: str) -> None:
    check_secret(secret)
    told = headers(secret)
    assert verifies(PREFIX + base64.b64encode(secret.encode()).decode(), told)
    assert verifies(secret.encode(), told)


@given(st.text(st.characters(codec="ascii", min_codepoint=33), min_size=32, max_size=80))
def test_any_plain_secret_verifies_as_its_octets(secret: str) -> None:
    if secret.startswith(PREFIX):
        return
    told = headers(secret)
    assert verifies(secret.encode(), told)
    try:
        as_base64 = standardwebhooks.Webhook(secret)
    except (ValueError, standardwebhooks.webhooks.EmptyWebhookSecretError):
        return
    if len(base64.b64decode(secret + "==")) >= 24:
        as_base64.verify(BODY, told, json_parse=False)


def test_two_secrets_during_a_rotation() -> None:
    old, new = new_secret(), new_secret()
    told = headers(new, old)
    assert verifies(old, told)
    assert verifies(new, told)
    assert not verifies(new_secret(), told)


@pytest.mark.parametrize(
    "secret",
    ["", "short", "a" * 31, "whsec_", "whsec_AAAA", "whsec_!!", PREFIX + "A" * 120, "whsec_" * 9],
)
def test_what_is_no_secret(secret: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        check_secret(secret)
