from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from enum_backend.errors import SettingsError
from enum_backend.settings import LoadedSettings, load_settings

EVERYTHING = """
mode = "simulation"
data_dir = "./data"
public_base_url = "https://sms.example.org"
default_region = "US"
log_level = "INFO"
test_numbers = ["+15005550006"]
[http]
host = "127.0.0.1"
port = 8080
trusted_proxies = []
[dns]
host = "127.0.0.1"
port = 5300
zones = ["e164.arpa"]
publish = "trusted"
workers = 0
[nvs]
source = "file"
file = "records.json"
trust = "operator"
serve_stale = 3600
[nvs.rpc]
url = "http://user:pass@127.0.0.1:6662"
cookie_file = ""
zmq = ""
[trust]
verifiers = ["ver:enum"]
max_age = "2h"
[[trust.owners]]
address = "E..."
tenant = "default"
numbers = ["+1415555"]
[database]
url = ""
[redis]
url = ""
max_connections = 20
[limits]
per_recipient_hour = 5
per_recipient_day = 20
per_client_minute = 10
daily_cost = "50.00"
shim_per_minute = 60
[routing]
default = ["telnyx"]
fallback = true
[[routing.prefixes]]
prefix = "+44"
chain = ["telnyx"]
[gateways.telnyx]
provider = "telnyx"
api_key = ""
from = "+15550100001"
public_key = ""
base_url = ""
[[tenants]]
name = "default"
[smtp]
[retention]
[verification]
[agents]
withhold_bodies = false
"""


def load(
    tmp_path: Path,
    text: str | bytes | None = None,
    environment: dict[str, str] | None = None,
    flags: dict[tuple[str, ...], Any] | None = None,
) -> LoadedSettings:
    path = None
    if text is not None:
        path = tmp_path / "settings.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_settings(path, environment=environment or {}, flags=flags)


def test_nothing_set(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert (loaded.settings.mode, loaded.origins, loaded.warnings) == (None, {}, ())


def test_the_documented_file(tmp_path: Path) -> None:
    loaded = load(tmp_path, EVERYTHING)
    settings = loaded.settings
    assert settings.trust.max_age == 7200
    assert settings.limits.daily_cost == Decimal("50.00")
    assert settings.routing.prefixes[0].chain == ("telnyx",)
    assert settings.gateways["telnyx"]["from"] == "+15550100001"
    warned = " ".join(loaded.warnings)
    assert "redis" not in warned
    assert "tenants" not in warned
    assert "agents.withhold_bodies" not in warned
    assert "limits" not in warned


def test_flag_over_environment_over_file_over_default(tmp_path: Path) -> None:
    text = "[http]\nport = 1\nhost = '0.0.0.0'\n[dns]\nport = 2\n"
    environment = {"ENUM_BACKEND_HTTP__PORT": "3", "ENUM_BACKEND_DNS__PORT": "4"}
    loaded = load(tmp_path, text, environment, {("http", "port"): 5})
    settings, origins = loaded.settings, loaded.origins
    assert (settings.http.port, settings.dns.port, settings.http.max_body) == (5, 4, 65536)
    assert origins["http.port"] == "flag"
    assert origins["dns.port"] == "ENUM_BACKEND_DNS__PORT"
    assert origins["http.host"].endswith("settings.toml")
    assert "http.max_body" not in origins


def test_a_table_in_the_environment_adds_key_by_key(tmp_path: Path) -> None:
    text = "[gateways.telnyx]\nfrom = '+15550100001'\n[gateways.telnyx.more]\na = 1\n"
    environment = {
        "TELNYX_API_KEY": "alias",
        "ENUM_BACKEND_GATEWAYS": '{"telnyx": {"api_key": "json", "more": {"b": 2}}, "x": {}}',
    }
    loaded = load(tmp_path, text, environment)
    assert loaded.settings.gateways["telnyx"] == {
        "from": "+15550100001",
        "api_key": "json",
        "more": {"a": 1, "b": 2},
    }
    assert loaded.origins["gateways.telnyx.api_key"] == "ENUM_BACKEND_GATEWAYS"
    assert loaded.origins["gateways.telnyx.from"].endswith("settings.toml")
    assert load(tmp_path, None, {"ENUM_BACKEND_SMTP": "{}"}).origins["smtp"]


def test_dotenv_below_real_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("ENUM_BACKEND_HTTP__PORT=1\nTELNYX_FROM=+15550100001\nEMPTY\n")
    monkeypatch.setenv("ENUM_BACKEND_HTTP__PORT", "2")
    loaded = load_settings()
    assert loaded.settings.http.port == 2
    assert loaded.settings.gateways == {"telnyx": {"from": "+15550100001"}}
    (tmp_path / ".env").write_bytes(b"A=\xff")
    with pytest.raises(SettingsError, match=r"\.env: cannot be read"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modes = 1", 'unknown setting modes, did you mean "mode"'),
        ("[http]\nprot = 1", 'unknown setting http.prot, did you mean "port"'),
        ("[nvs.rpc]\ncookiefile = ''", 'nvs.rpc.cookiefile, did you mean "cookie_file"'),
        ("[http]\nzzzzzz = 1", "unknown setting http.zzzzzz; known: host, port"),
        ("[[trust.owners]]\nadress = 'E'", r"trust.owners\[0\].adress, did you mean \"address\""),
        ("[[routing.prefixes]]\nprefx = 1", 'did you mean "prefix"'),
        ("[[dns.zones]]\nname = 'a'\nundoted = true", 'did you mean "undotted"'),
        ("http = 1", "http: expected a table"),
        ("[trust]\nowners = [1]", "expected a table"),
        ("gateways = 1", "gateways: "),
        ("[http]\nport = 'x'", r"settings.toml: http.port: "),
        ("mode", "not TOML"),
        (b"mode = '\xff'", "not TOML"),
        ("a = " + "9" * 5000, "not TOML"),
        ("a = " + "[" * 50_000, "not TOML"),
        ("#" * 1_000_001, "larger than"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as refused:
        load(tmp_path, text)
    assert "settings.toml" in str(refused.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = """
        modes = 1
        [http]
        port = "x"
        prot = 1
        [[tenants]]
        name = "Acme"
        titel = ""
        daily_cost = 0
        """
    environment = {
        "ENUM_BACKEND_DNS__PRT": "1",
        "ENUM_BACKEND_LIMITS__DAILY_COST": "much",
        "ENUM_BACKEND_NVS": "1",
    }
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, text, environment)
    said = str(refused.value)
    for path in (
        "unknown setting modes",
        "unknown setting http.prot",
        "settings.toml: http.port: ",
        "settings.toml: tenants[0].name: ",
        "unknown setting tenants[0].titel",
        "settings.toml: tenants[0].daily_cost: ",
        "ENUM_BACKEND_DNS__PRT: unknown setting dns.prt",
        "ENUM_BACKEND_LIMITS__DAILY_COST: limits.daily_cost: ",
        "ENUM_BACKEND_NVS: nvs: expected a table",
    ):
        assert said.count(path) == 1, path
    assert said.count("; ") >= 8


def test_a_tenant_stands_once(tmp_path: Path) -> None:
    text = "[[tenants]]\nname = 'acme'\n[[tenants]]\nname = 'acme'\n"
    with pytest.raises(SettingsError, match="tenants: the tenant 'acme' stands here twice"):
        load(tmp_path, text)


def test_wrong_variables_and_flags(tmp_path: Path) -> None:
    for environment, message in (
        ({"ENUM_BACKEND_HTTP__PROT": "1"}, "ENUM_BACKEND_HTTP__PROT: unknown setting http.prot"),
        ({"ENUM_BACKEND_HTTP": "1"}, "ENUM_BACKEND_HTTP: http: expected a table"),
        ({"SMS_RATE_LIMIT_PER_HOUR": "many"}, "SMS_RATE_LIMIT_PER_HOUR: limits.per_recipient_hour"),
        ({"ENUM_BACKEND_": "1"}, "unknown setting"),
    ):
        with pytest.raises(SettingsError, match=message):
            load(tmp_path, None, environment)
    with pytest.raises(SettingsError, match=r"flag: http\.port"):
        load(tmp_path, None, None, {("http", "port"): 99999})
    with pytest.raises(SettingsError, match=r"TELNYX_FROM: gateways\.telnyx\.from: telnyx is not"):
        load(tmp_path, "[gateways]\ntelnyx = 1", {"TELNYX_FROM": "x"})


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none.toml: cannot be read"):
        load_settings(tmp_path / "none.toml", environment={})


def test_errors_show_no_value(tmp_path: Path) -> None:
    text = "server_key = ['canary']\n[database]\nurl = 'postgresql://u:canary@db'\n"
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, text)
    assert "canary" not in str(refused.value)
    assert "server_key" in str(refused.value)


def test_a_gateway_from_the_environment_alone(tmp_path: Path) -> None:
    variables = {"TWILIO_SID": "AC1", "TWILIO_PHONE_NUMBERS": "+14155550101,+14155550102"}
    loaded = load(tmp_path, None, variables)
    assert loaded.settings.gateways == {
        "twilio": {
            "from": "+14155550101",
            "numbers": ["+14155550101", "+14155550102"],
            "account_sid": "AC1",
        }
    }
    assert loaded.origins["gateways.twilio.account_sid"] == "TWILIO_SID"
