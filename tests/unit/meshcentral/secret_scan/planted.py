"""Made-up secrets of every kind, and files of every form to plant them in.

They are made when a test runs: no line of this repository holds one.
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass

_RANDOM = random.Random(20)
HEX = "0123456789abcdef"
LETTERS = string.ascii_letters + string.digits


def made(length: int, alphabet: str = LETTERS) -> str:
    """A random word that starts with a letter and holds a digit."""
    middle = "".join(_RANDOM.choice(alphabet) for _ in range(length - 2))
    return "d" + middle + "7"


@dataclass(frozen=True)
class Planted:
    """A secret, the kind it must be found as, and where it stands."""

    kind: str
    provider: str
    key: str
    secret: str

    @property
    def variable(self) -> str:
        """The name of an environment variable for it."""
        return f"{self.provider}_{self.key}".upper().replace(".", "")


PLANTED = (
    Planted("Twilio SID", "twilio", "account_sid", "AC" + made(32, HEX)),
    Planted("Twilio SID", "twilio", "api_key_sid", "SK" + made(32, HEX)),
    Planted("Twilio auth token", "twilio", "auth_token", made(32, HEX)),
    Planted("Twilio auth token", "twilio", "api_key_secret", made(32)),
    Planted("Plivo auth id", "plivo", "auth_id", "MA" + made(18).upper()),
    Planted("Plivo auth token", "plivo", "auth_token", made(40)),
    Planted("Telnyx API key", "telnyx", "api_key", "KEY" + made(32, HEX).upper() + "_" + made(22)),
    Planted("Bandwidth client id", "bandwidth", "client_id", made(24)),
    Planted("Bandwidth secret", "bandwidth", "client_secret", made(40)),
    Planted("Android gateway credential", "android", "password", made(14)),
    Planted("Android gateway credential", "android", "passphrase", made(20)),
    Planted("Android gateway credential", "android", "signing_key", made(8)),
    Planted("Vonage API key", "vonage", "api_key", made(8, HEX)),
    Planted("Vonage secret", "vonage", "api_secret", made(16)),
    Planted("Vonage secret", "vonage", "signature_secret", made(32)),
    Planted("VoIP.ms API password", "voipms", "api_password", made(12)),
    Planted("enum-backend API key", "enum_backend", "api_key", "ebk_" + made(43)),
    Planted("enum-backend session", "enum_backend", "session", "ebs_" + made(43)),
    Planted("enum-backend secret", "enum_backend", "server_key", made(43) + "="),
    Planted("enum-backend secret", "enum_backend", "shim_token", made(32)),
    Planted("webhook secret", "deliveries", "webhook_secret", "whsec_" + made(44)),
    Planted(
        "shim token",
        "url",
        "url",
        "https://sms.example.org/meshcentral/sms/" + made(32) + "?phone=",
    ),
    Planted("shim token", "url", "hook", "https://sms.example.org/shim/zitadel/" + made(32)),
)


def in_json(item: Planted) -> str:
    section = {"provider": item.provider, "enabled": True, item.key: item.secret}
    return json.dumps({"gateways": {"office": section}}, indent=2)


def in_one_line(item: Planted) -> str:
    return json.dumps({"gateways": {"office": {item.key: item.secret, "provider": item.provider}}})


def in_toml(item: Planted) -> str:
    return (
        'mode = "live"\n\n[gateways.office]\n'
        f'provider = "{item.provider}"\n{item.key} = "{item.secret}"\n\n[limits]\ndaily = 5\n'
    )


def in_toml_inline(item: Planted) -> str:
    return (
        f'[gateways.office]\nprovider = "{item.provider}"\n'
        f'accounts = [\n  {{ name = "a", {item.key} = "{item.secret}" }},\n]\n'
    )


def in_yaml(item: Planted) -> str:
    return (
        "gateways:\n"
        f"  - name: office\n    provider: {item.provider}\n    {item.key}: {item.secret}\n"
        "  - name: other\n"
    )


def in_env(item: Planted) -> str:
    return f"# settings\nPORT=8080\nexport {item.variable}={item.secret}\n"


def in_comment(item: Planted) -> str:
    return f"PORT=8080\n# {item.variable}={item.secret}\n"


def in_compose(item: Planted) -> str:
    return (
        "services:\n  sms:\n    environment:\n"
        f'      - PORT=8080\n      - "{item.variable}={item.secret}"\n'
    )


def in_python(item: Planted) -> str:
    return (
        f"import {item.provider}\n\n\ndef connect():\n"
        f'    return {item.provider}.Client(\n        {item.key}="{item.secret}",\n    )\n'
    )


def in_python_names(item: Planted) -> str:
    return (
        "import os\n\n"
        f'os.environ["{item.variable}"] = "{item.secret}"\n'
        f'{item.variable.lower()}: str = "{item.secret}"\n'
    )


def in_markdown(item: Planted) -> str:
    return f"# Set up\n\n```sh\nexport {item.variable}={item.secret}\n```\n"


def in_command(item: Planted) -> str:
    return f"#!/bin/sh\ndocker run -e PORT=8080 -e {item.variable}='{item.secret}' image\n"


FORMS: dict[str, Callable[[Planted], str]] = {
    "settings.json": in_json,
    "config.json.template": in_one_line,
    "settings.toml": in_toml,
    "inline.toml": in_toml_inline,
    "settings.yaml": in_yaml,
    ".env": in_env,
    ".env.production": in_comment,
    "compose.yml": in_compose,
    "run.sh": in_command,
    "client.py": in_python,
    "names.py": in_python_names,
    "README.md": in_markdown,
}
