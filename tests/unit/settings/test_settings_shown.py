from __future__ import annotations

from pathlib import Path

from enum_backend.settings import load_settings
from enum_backend.settings.shown import MASK, shown

SECRETS = """
server_key = "canary"
public_base_url = "https://sms.example.org"
[nvs.rpc]
url = "http://user:ca/na@canary@127.0.0.1:6662"
[redis]
url = "redis://:canary@cache:6379/0?password=canary"
[gateways.telnyx]
api_key = "canary"
public_key = "shown"
from = "+15550100001"
price = 0.004
[gateways.web]
url = "https://gw.example/?k=canary&p={{phone}}"
proxy = "http://u:canary@proxy.example"
pin_token = 424242
phones = [{ name = "p1", password = "canary", url = "http://u:canary@10.0.0.1" }]
headers = { Authorization = "canary", when = 2026-01-01 }
auth_tokens = ["canary"]
use_auth = true
api_secret = ""
[[tenants]]
name = "acme"
webhook_secret = "canary"
[smtp]
password = "canary"
host = "mail.example"
[[trust.owners]]
address = "Eowner"
numbers = ["+1415"]
"""


def test_no_secret_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(SECRETS)
    loaded = load_settings(path, environment={"ENUM_BACKEND_HTTP__PORT": "9"})
    lines = {line.path: line for line in shown(loaded)}
    everything = repr(list(lines.values()))
    for secret in ("canary", "424242"):
        assert secret not in everything
    assert "canary" not in repr(loaded.settings.server_key)
    values = {name: line.value for name, line in lines.items()}
    assert values["server_key"] == MASK
    assert values["nvs.rpc.url"] == f"http://{MASK}@127.0.0.1:6662"
    assert values["redis.url"] == f"redis://{MASK}@cache:6379/0?{MASK}"
    assert values["database.url"] == ""
    assert values["gateways.telnyx.public_key"] == "shown"
    assert values["gateways.telnyx.price"] == 0.004
    assert values["gateways.web.use_auth"] is True
    assert values["gateways.web.api_secret"] == ""
    assert values["gateways.web.headers.when"] == "2026-01-01"
    assert values["gateways.web.phones"][0]["name"] == "p1"
    assert values["smtp.host"] == "mail.example"
    (acme,) = values["tenants"]
    assert acme["name"] == "acme"
    assert acme["webhook_secret"] == MASK
    assert (acme["webhook_url"], acme["daily_cost"]) == ("", None)
    assert values["limits.daily_cost"] == "50.00"
    assert values["mode"] is None
    assert values["trust.owners"][0]["numbers"] == ["+1415"]
    assert lines["http.port"].origin == "ENUM_BACKEND_HTTP__PORT"
    assert lines["server_key"].origin == str(path)
    assert lines["http.host"].origin == "default"


def test_addresses_without_a_scheme(tmp_path: Path) -> None:
    loaded = load_settings(environment={"ENUM_BACKEND_NVS__RPC__URL": "user:canary@127.0.0.1"})
    line = next(line for line in shown(loaded) if line.path == "nvs.rpc.url")
    assert line.value == f"{MASK}@127.0.0.1"
