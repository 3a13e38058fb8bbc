"""Each kind of secret is found in each form of file, by its line, and never shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from detect_secrets.core.scan import scan_file as plain_scan_file
from detect_secrets.settings import transient_settings

from meshcentral_plugin.secret_scan import credentials, patterns, sections
from meshcentral_plugin.secret_scan.scanner import Finding, scan_file
from tests.unit.meshcentral.secret_scan.planted import FORMS, HEX, PLANTED, Planted, made


def found_in(folder: Path, name: str, text: str) -> list[Finding]:
    path = folder / name
    path.write_text(text, "utf-8")
    return scan_file(path)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("item", PLANTED, ids=lambda item: f"{item.provider}.{item.key}")
def test_planted(tmp_path: Path, item: Planted, name: str) -> None:
    text = FORMS[name](item)
    lines = [number for number, line in enumerate(text.split("\n"), 1) if item.secret in line]
    findings = found_in(tmp_path, name, text)
    assert [(finding.kind, finding.line) for finding in findings] == [
        (item.kind, line) for line in lines
    ]
    assert not any(item.secret[4:] in repr(finding) for finding in findings)


def mesh_config(sms: dict[str, str]) -> str:
    """MeshCentral's config.json."""
    return json.dumps({"settings": {"cert": "mesh.example.org"}, "sms": sms, "domains": {"": {}}})


@pytest.mark.parametrize(
    ("sms", "kinds"),
    [
        (
            {
                "provider": "twilio",
                "sid": "AC" + made(32, HEX),
                "auth": made(32, HEX),
                "from": "+1" + "5551234567",
            },
            ["Twilio SID", "Twilio auth token", "phone number beside credentials"],
        ),
        (
            {"provider": "plivo", "id": made(20).upper(), "token": made(40), "from": "15551234567"},
            ["Plivo auth id", "Plivo auth token", "phone number beside credentials"],
        ),
        (
            {"provider": "telnyx", "apikey": "my own " + made(8), "from": "+1 555-123.4567"},
            ["phone number beside credentials"],
        ),
        ({"provider": "telnyx", "apikey": made(20)}, ["Telnyx API key"]),
        ({"apikey": made(20), "auth": made(32)}, ["SMS gateway credential"] * 2),
        (
            {"provider": "url", "url": "https://x.example/sms?token=" + made(9) + "&to={{phone}}"},
            ["secret in an SMS URL"],
        ),
        (
            {"provider": "url", "url": "https://bob:" + made(9) + "@x.example/?to={{phone}}"},
            ["secret in an SMS URL"],
        ),
        (
            {
                "provider": "url",
                "url": "https://x.example/meshcentral/sms/" + made(32) + "?phone={{phone}}",
            },
            ["shim token"],
        ),
        ({"provider": "url", "url": "https://x.example/sms?to={{phone}}&m={{message}}"}, []),
        ({"provider": "url", "url": "https://x.example/meshcentral/sms/${SHIM_TOKEN}"}, []),
    ],
)
def test_meshcentral(tmp_path: Path, sms: dict[str, str], kinds: list[str]) -> None:
    text = mesh_config(sms)
    assert [item.kind for item in found_in(tmp_path, "config.json", text)] == kinds
    indented = json.dumps(json.loads(text), indent=4)
    assert [item.kind for item in found_in(tmp_path, "config.json", indented)] == kinds


def test_meshcentral_itself(tmp_path: Path) -> None:
    text = json.dumps(
        {
            "settings": {"sessionKey": made(20), "dbEncryptKey": made(20), "port": 443},
            "smtp": {"host": "mail.example.org", "user": "a", "pass": made(12)},
            "messaging": {"telegram": {"bottoken": made(40)}},
        },
        indent=1,
    )
    kinds = [item.kind for item in found_in(tmp_path, "config.json", text)]
    assert kinds == ["MeshCentral secret"] * 4


def test_settings_of_our_plugin(tmp_path: Path) -> None:
    text = json.dumps({"url": "http://127.0.0.1:8080", "token": made(32), "enabled": True})
    assert [item.kind for item in found_in(tmp_path, "enumbackend.json", text)] == [
        "shim token of the plugin"
    ]
    assert found_in(tmp_path, "other.json", text) == []


def test_what_other_issuers_give(tmp_path: Path) -> None:
    begin = "-----BEGIN " + "PRIVATE KEY-----"
    text = f"{begin}\nMIIE\ntoken = 'ghp_{made(36)}'\n"
    assert [item.kind for item in found_in(tmp_path, "settings.py", text)] == [
        "Private Key",
        "GitHub Token",
    ]


def test_a_token_without_a_key(tmp_path: Path) -> None:
    token = made(32, HEX)
    text = (
        f'client = Client("AC{made(32, HEX)}", "{token}")\n'
        f"curl -u 'AC{made(32, HEX)}:{token}' https://api.twilio.example\n"
        f"our twilio token is {token}\n"
        f"md5 of twilio.tgz is {token}\n"
    )
    kinds = [(item.line, item.kind) for item in found_in(tmp_path, "notes", text)]
    assert kinds == [
        (1, "Twilio SID"),
        (1, "Twilio auth token"),
        (2, "Twilio SID"),
        (2, "Twilio auth token"),
        (3, "Twilio auth token"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_of_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(
        f'[gateways.a]\r\nprovider = "telnyx"\r\napi_key = "{made(9)}"'.encode(encoding)
    )
    assert [(item.kind, item.line) for item in scan_file(path)] == [("Telnyx API key", 3)]


def test_a_public_prefix_is_shown(tmp_path: Path) -> None:
    (finding,) = found_in(tmp_path, "x.txt", "ebk_" + made(43))
    assert finding.hint == "ebk_... (47 characters)"


def test_the_detectors_serve_detect_secrets_itself(tmp_path: Path) -> None:
    plugins = [
        {"name": detector.__name__, "path": f"file://{module.__file__}"}
        for module, detectors in (
            (patterns, patterns.SHAPES),
            (credentials, credentials.CREDENTIALS),
            (sections, sections.SECTIONS),
        )
        for detector in detectors
    ]
    sms = {"provider": "twilio", "sid": "AC" + made(32, HEX), "auth": made(32, HEX)}
    path = tmp_path / "config.json"
    path.write_text(mesh_config(sms))
    with transient_settings({"plugins_used": plugins}):
        found = {item.type: item.secret_value for item in plain_scan_file(str(path))}
    assert found["Twilio SID"] == sms["sid"]
    assert found["Twilio auth token"] == sms["auth"]


def test_a_text_without_a_file_has_no_owners() -> None:
    detector = credentials.TwilioTokenDetector()
    assert list(detector.analyze_string(f"twilio_auth_token = {made(32, HEX)}")) == []


def test_variables_named_for_sms(tmp_path: Path) -> None:
    text = f"SMS_AUTH_TOKEN={made(12)}\nSMS_RATE_LIMIT_PER_HOUR=1000000\n"
    assert [item.kind for item in found_in(tmp_path, ".env", text)] == ["SMS gateway credential"]


def test_clients_of_several_providers(tmp_path: Path) -> None:
    text = (
        f'a = vonage.Client(key="{made(8, HEX)}", secret="{made(16)}")\n'
        f'ANDROID_GATEWAY_PASSWORD = "{made(12)}"\n'
        f'b = plivo.RestClient("MA{made(18).upper()}", "{made(40)}")\n'
    )
    kinds = [(item.line, item.kind) for item in found_in(tmp_path, "a.py", text)]
    assert kinds == [
        (1, "Vonage API key"),
        (1, "Vonage secret"),
        (2, "Android gateway credential"),
        (3, "Plivo auth id"),
        (3, "Plivo auth token"),
    ]
