"""Settings of deliveries and mail: what they take, what they refuse, what they hide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from enum_backend.errors import SettingsError
from enum_backend.settings import load_settings
from enum_backend.settings.shown import shown

SECRET = "x" * 32


def load(**flags: Any) -> Any:
    return load_settings(environment={}, flags={(key,): value for key, value in flags.items()})


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("deliveries", {"webhook_url": "ftp://h.example/"}),
        ("deliveries", {"webhook_url": "https://"}),
        ("deliveries", {"webhook_url": "https://h.example:0/"}),
        ("deliveries", {"webhook_url": "https://[h/"}),
        ("deliveries", {"webhook_url": "https://h.example/a b"}),
        ("deliveries", {"failover_url": "h.example"}),
        ("deliveries", {"webhook_secret": "short"}),
        ("deliveries", {"previous_webhook_secret": "whsec_AAAA"}),
        ("deliveries", {"email": "alice"}),
        ("deliveries", {"allow": ["10.0.0.0/99"]}),
        ("deliveries", {"concurrency": 0}),
        ("deliveries", {"validity": 0}),
        ("smtp", {"from": "alice@example.com\nBcc: x@y.example"}),
        ("smtp", {"tls": "maybe"}),
        ("smtp", {"port": 0}),
    ],
)
def test_what_is_refused(section: str, values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=rf"{section}\.{next(iter(values))}") as caught:
        load(**{section: values})
    assert "short" not in str(caught.value)


def test_what_is_taken() -> None:
    settings = load(
        deliveries={
            "webhook_url": "http://10.0.0.1:81/hook",
            "webhook_secret": SECRET,
            "email": "alice@example.com",
            "allow": "hooks.lan, 10.0.0.0/8",
            "validity": "2h",
        },
        smtp={"host": "mail.example", "from": "sms@example.com", "password": "fake"},
    ).settings
    assert settings.deliveries.allow == ("hooks.lan", "10.0.0.0/8")
    assert settings.deliveries.validity == 7200
    assert settings.smtp.sender == "sms@example.com"


def test_the_names_people_have() -> None:
    for name in ("SMS_WEBHOOK_SECRET", "WEBHOOK_SECRET"):
        loaded = load_settings(environment={name: SECRET}, flags={})
        assert loaded.settings.deliveries.webhook_secret.get_secret_value() == SECRET
        assert loaded.warnings == ()
    both = {"WEBHOOK_SECRET": "y" * 32, "SMS_WEBHOOK_SECRET": SECRET}
    loaded = load_settings(environment=both, flags={})
    assert loaded.settings.deliveries.webhook_secret.get_secret_value() == SECRET


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        '[deliveries]\nwebhook_url = "https://h.example/token-1"\n'
        f'webhook_secret = "{SECRET}"\n'
        '[smtp]\nhost = "mail.example"\npassword = "fake-password"\nfrom = "a@example.com"\n'
    )
    lines = {line.path: str(line.value) for line in shown(load_settings(file, environment={}))}
    assert lines["smtp.from"] == "a@example.com"
    for hidden in ("token-1", SECRET, "fake-password"):
        assert hidden not in str(lines)
