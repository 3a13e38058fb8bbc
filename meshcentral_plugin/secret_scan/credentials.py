"""Detectors of secrets that are known by the setting they stand in.

Where a file holds settings and nothing else, whatever stands under the key is
the secret. Elsewhere (programs, texts) it must look like one as well: there the
same words name variables and tests.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any, Final

from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.plugins.base import BasePlugin
from detect_secrets.util.code_snippet import CodeSnippet

from meshcentral_plugin.secret_scan.documents import Setting, document_of
from meshcentral_plugin.secret_scan.placeholders import is_placeholder

LONGEST: Final = 4096
"""Characters of a value that is looked at; longer ones are keys in PEM, known by their marks."""

PROVIDERS: Final = re.compile(
    r"twilio|plivo|telnyx|bandwidth|\bbw_|vonage|nexmo|voip[._ ]?ms|android|sms[-_. ]?gate|sinch"
    r"|infobip|messagebird"
)

_ANY = re.compile(r"[^\s]{6,}")
_RANDOM = re.compile(r"(?=\S*\d)(?=\S*[A-Za-z])[^\s(){}<>\[\]/:@.]{8,}")
"""Letters and digits of no word: what a generated password looks like."""
_PLAIN = re.compile(r"[^a-z0-9]")


class CredentialDetector(BasePlugin):
    """A detector of the values of some keys of one owner.

    Attributes:
        owner: what the blocks around, the providers they name, or the key must hold.
        keys: lower-case letters and digits of the keys, without their owner.
        shape: what a value looks like where a file is not settings alone.
        value: what it looks like in settings.
    """

    owner: re.Pattern[str]
    keys: frozenset[str]
    shape: re.Pattern[str] = _RANDOM
    value: re.Pattern[str] = _ANY

    def analyze_string(self, string: str) -> Generator[str, None, None]:
        """Nothing: a text without its file says nothing of owners."""
        yield from ()

    def analyze_line(
        self,
        filename: str,
        line: str,
        line_number: int = 0,
        context: CodeSnippet | None = None,
        **_: Any,
    ) -> set[PotentialSecret]:
        """The secrets in a line of a file."""
        document = document_of(filename)
        settings = [
            item
            for item in document.settings.get(line_number, ())
            if len(item.value) <= LONGEST and self._name(item) in self.keys
        ]
        if not settings:
            return set()
        around = "\n".join(context or (line,)).lower()
        found = (self.secret_of(item, around, is_config=document.is_config) for item in settings)
        return {
            PotentialSecret(self.secret_type, filename, secret, line_number)
            for secret in found
            if secret is not None and not is_placeholder(secret)
        }

    def secret_of(self, item: Setting, around: str, *, is_config: bool) -> str | None:
        """What of a setting with such a key is a secret, if it holds one.

        Args:
            around: the lines around it, lower case.
            is_config: whether the file is settings and nothing else.
        """
        owned = self.owner.search(item.owner)
        shape = self.value if is_config and owned else self.shape
        if owned or (not PROVIDERS.search(item.owner) and self.owner.search(around)):
            return item.value if shape.fullmatch(item.value) else None
        return None

    def _name(self, item: Setting) -> str:
        """The key without its owner: `authtoken` of `TWILIO_AUTH_TOKEN`."""
        key = item.key.lower().rpartition("__")[2].rpartition(".")[2]
        key = self.owner.sub("", key) if key not in self.keys else key
        name = _PLAIN.sub("", key)
        for more in ("previous", "sms", "gateway"):
            name = name.removeprefix(more)
        return name


class TwilioTokenDetector(CredentialDetector):
    """Auth tokens and API key secrets of Twilio."""

    secret_type = "Twilio auth token"  # noqa: S105
    owner = re.compile(r"twilio|\bac[0-9a-f]{32}\b")
    keys = frozenset(
        ("auth", "authtoken", "token", "secret", "apikeysecret", "apisecret", "password")
    )
    shape = re.compile(r"[0-9A-Za-z]{32}")


class PlivoAuthIdDetector(CredentialDetector):
    """Auth ids of Plivo, by their key."""

    secret_type = "Plivo auth id"  # noqa: S105
    owner = re.compile("plivo")
    keys = frozenset(("id", "authid"))
    shape = re.compile(r"(?:MA|SA)[0-9A-Z]{18}")


class PlivoTokenDetector(CredentialDetector):
    """Auth tokens of Plivo."""

    secret_type = "Plivo auth token"  # noqa: S105
    owner = re.compile("plivo")
    keys = frozenset(("token", "auth", "authtoken", "secret", "password"))
    shape = re.compile(r"(?=.*\d)[0-9A-Za-z+/=_-]{40}")


class TelnyxKeySettingDetector(CredentialDetector):
    """API keys of Telnyx, by their key."""

    secret_type = "Telnyx API key"  # noqa: S105
    owner = re.compile("telnyx")
    keys = frozenset(("apikey", "key", "token", "auth", "authtoken", "apitoken", "secret"))
    shape = re.compile(r"KEY(?=\w*\d)\w{16,}")


class BandwidthClientDetector(CredentialDetector):
    """Client ids of Bandwidth."""

    secret_type = "Bandwidth client id"  # noqa: S105
    owner = re.compile(r"bandwidth|\bbw_|\bbw\b")
    keys = frozenset(("clientid", "apiclientid", "oauthclientid"))
    shape = re.compile(r"(?=\S*\d)[0-9A-Za-z_-]{16,}")


class BandwidthSecretDetector(CredentialDetector):
    """Client secrets, API passwords and callback passwords of Bandwidth."""

    secret_type = "Bandwidth secret"  # noqa: S105
    owner = BandwidthClientDetector.owner
    keys = frozenset(
        (
            *("clientsecret", "secret", "apisecret", "token", "apitoken"),
            *("password", "callbackpassword", "apipassword"),
        )
    )


class AndroidDetector(CredentialDetector):
    """Passwords, passphrases and signing keys of phones that run SMSGate."""

    secret_type = "Android gateway credential"  # noqa: S105
    owner = re.compile(r"android|sms[-_. ]?gate\b|sms[-_. ]?gate(?=_)|smsgateway|capcom6")
    keys = frozenset(
        (
            *("password", "pass", "passphrase", "secret", "token", "apitoken", "accesstoken"),
            *("key", "apikey", "signingkey", "privatetoken", "encryptionkey", "webhooksecret"),
        )
    )


class VonageKeyDetector(CredentialDetector):
    """API keys of Vonage (Nexmo): eight characters, the user name of an account."""

    secret_type = "Vonage API key"  # noqa: S105
    owner = re.compile("vonage|nexmo")
    keys = frozenset(("apikey", "key"))
    shape = re.compile(r"(?!abcd1234)[0-9a-f]{8}")  # that one is the example of its documents


class VonageSecretDetector(CredentialDetector):
    """API secrets and signature secrets of Vonage (Nexmo)."""

    secret_type = "Vonage secret"  # noqa: S105
    owner = VonageKeyDetector.owner
    keys = frozenset(("apisecret", "secret", "signaturesecret", "token", "password"))


class VoipmsDetector(CredentialDetector):
    """API passwords and webhook tokens of VoIP.ms."""

    secret_type = "VoIP.ms API password"  # noqa: S105
    owner = re.compile(r"voip[._ ]?ms")
    keys = frozenset(("apipassword", "password", "apipass", "pass", "inboundtoken", "token"))


CREDENTIALS: Final[tuple[type[CredentialDetector], ...]] = (
    TwilioTokenDetector,
    PlivoAuthIdDetector,
    PlivoTokenDetector,
    TelnyxKeySettingDetector,
    BandwidthClientDetector,
    BandwidthSecretDetector,
    AndroidDetector,
    VonageKeyDetector,
    VonageSecretDetector,
    VoipmsDetector,
)
