"""What is no secret, and what somebody has allowed."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import uuid
from pathlib import Path

import pytest

from meshcentral_plugin.secret_scan.placeholders import is_placeholder
from meshcentral_plugin.secret_scan.scanner import scan_file
from tests.unit.meshcentral.secret_scan.planted import FORMS, HEX, PLANTED, Planted, made

TOKEN = Planted("Twilio auth token", "twilio", "auth_token", made(32, HEX))
STANDS_FOR = (
    "${TWILIO_AUTH_TOKEN}",
    "${TWILIO_AUTH_TOKEN:-}",
    "${TWILIO_AUTH_TOKEN:-nothing yet 1234567}",
    "$TWILIO_AUTH_TOKEN",
    "$(cat /run/secrets/twilio)",
    "{{ twilio.token }}",
    "{token}",
    "%TWILIO_TOKEN%",
    "%(token)s",
    "<your token>",
    "TWILIO_AUTH_TOKEN",
    "your-auth-token-1",
    "example-token-1234",
    "changeme12345",
    "xxxxxxxxxxxxxxxx",
    "ACxxxxxxxxxxxxxxxx",
    "****************",
    "KEY...",
    "",
)


def kinds(folder: Path, name: str, text: str) -> list[str]:
    path = folder / name
    path.write_text(text, "utf-8")
    return [finding.kind for finding in scan_file(path)]


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("value", STANDS_FOR)
def test_placeholders(tmp_path: Path, name: str, value: str) -> None:
    item = Planted(TOKEN.kind, TOKEN.provider, TOKEN.key, value)
    assert kinds(tmp_path, name, FORMS[name](item)) == []


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("item", PLANTED, ids=lambda item: f"{item.provider}.{item.key}")
def test_a_variable_in_place_of_every_secret(tmp_path: Path, item: Planted, name: str) -> None:
    variable = Planted(item.kind, item.provider, item.key, f"${{{item.variable}}}")
    assert kinds(tmp_path, name, FORMS[name](variable)) == []


def test_unquoted_variables_of_a_template(tmp_path: Path) -> None:
    text = '{"settings": {"port": ${PORT:-443}}, "sms": {"provider": "twilio", "auth": "${AUTH}"}}'
    assert kinds(tmp_path, "config.json.template", text) == []
    planted = text.replace("${AUTH}", TOKEN.secret)
    assert kinds(tmp_path, "config.json.template", planted) == ["Twilio auth token"]


def test_half_a_variable_is_a_value() -> None:
    assert not is_placeholder("${PREFIX}" + made(20))
    assert is_placeholder("${ONE}-${TWO}")


@pytest.mark.parametrize(
    "comment",
    [
        "# pragma: allowlist secret",
        "// pragma: allowlist secret",
        "# scan-secrets: allow",
        "/* scan-secrets: allow */",
    ],
)
def test_allowed_by_a_comment(tmp_path: Path, comment: str) -> None:
    line = f'twilio_auth_token = "{TOKEN.secret}"'
    assert kinds(tmp_path, "a.py", line) == ["Twilio auth token"]
    assert kinds(tmp_path, "a.py", f"{line}  {comment}") == []
    assert kinds(tmp_path, "a.py", f"{line}  {comment}\n{line}") == ["Twilio auth token"]


@pytest.mark.parametrize(
    "comment", ["# pragma: allowlist nextline secret", "# scan-secrets: allow next line"]
)
def test_allowed_by_the_line_before(tmp_path: Path, comment: str) -> None:
    line = f'twilio_auth_token = "{TOKEN.secret}"'
    assert kinds(tmp_path, "a.py", f"{comment}\n{line}") == []
    assert kinds(tmp_path, "a.py", f"{comment}\n{line}\n{line}") == ["Twilio auth token"]
    assert kinds(tmp_path, "a.py", f"{line}  {comment}") == ["Twilio auth token"]


def test_what_only_looks_like_one(tmp_path: Path) -> None:
    chance = random.Random(1)
    image = base64.b64encode(chance.randbytes(4000)).decode()
    digest = hashlib.sha256(b"x").hexdigest()
    text = "\n".join(
        (
            f"id = '{uuid.UUID(int=chance.getrandbits(128))}'",
            f"twilio_request = '{uuid.UUID(int=chance.getrandbits(128))}'",
            f"twilio==9.13.0 --hash=sha256:{digest}",
            f"twilio-9.13.0.tgz#md5={digest[:32]}",
            f'"integrity": "sha512-{image[:88]}"',
            f"![plivo](data:image/png;base64,{image})",
            f"commit {digest[:40]}",
            "MACHINE0READABLE00FORM",
            f"message = 'SM{digest[:32]}'",
            "KEYBOARDINTERRUPTHANDLERS and KEY_EVENT_RECORD_WITH_NAMES_20",
            f"telnyx_public_key = '{image[:43]}='",
            "GET /meshcentral/sms/{token}?phone= /meshcentral/sms/TOKEN",
            "call +1 555 123 4567 or +442079460000",
        )
    )
    for name in ("notes.md", "notes.py", "notes.txt", "notes.yaml", "page.html"):
        assert kinds(tmp_path, name, text) == [], name


def test_numbers_that_stand_beside_no_credentials(tmp_path: Path) -> None:
    number = "+1" + "5551234567"
    records = json.dumps({"enum:1": {"voice": "sip:a@example.org", "sms": {"number": number}}})
    assert kinds(tmp_path, "records.json", records) == []
    assert kinds(tmp_path, "a.toml", f'test_numbers = ["{number}"]\n[[owners]]\nnumber = "1"') == []
    assert kinds(tmp_path, "a.py", f'sms = {{"auth_token": "x", "from": "{number}"}}') == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".env", "TELNYX_API_KEY=${KEY}\nTELNYX_FROM={number}\n"),
        (".env", "TWILIO_AUTH_TOKEN=$T\nTWILIO_PHONE_NUMBERS={number},{number}\n"),
        ("a.toml", '[gateways.x]\napi_key = "${KEY}"\nfrom = "{number}"\n'),
        ("a.toml", '[gateways.x]\napi_key = ""\nnumbers = ["+1", "{number}"]\n'),
        ("a.yaml", "sms:\n  auth: ${KEY}\n  sender: '{number}'\n"),
        ("a.json", '{"sms": {"from": "{number}", "apikey": ""}}'),
    ],
)
def test_numbers_beside_credentials(tmp_path: Path, name: str, text: str) -> None:
    text = text.replace("{number}", "+1" + "5551234567")
    assert kinds(tmp_path, name, text) == ["phone number beside credentials"]
