"""Detectors of what stands in sections for SMS, and of our own and MeshCentral's secrets."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any, Final

from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.util.code_snippet import CodeSnippet

from meshcentral_plugin.secret_scan.credentials import PROVIDERS, CredentialDetector
from meshcentral_plugin.secret_scan.documents import Setting

_SECTIONS: Final = frozenset(("sms", "gateway", "gateways"))
PLUGIN_SETTINGS: Final = "enumbackend.json"
_NEVER = re.compile(r"(?!)")


class OwnSecretDetector(CredentialDetector):
    """The server key, shim tokens and webhook secrets of enum-backend, by their key."""

    secret_type = "enum-backend secret"  # noqa: S105
    owner = re.compile(r"server[_-]?key|shim[_-]?token|webhook[_-]?secret|backend_api_key")
    keys = frozenset(("serverkey", "shimtoken", "webhooksecret", "backendapikey"))
    shape = re.compile(r"(?=\S*\d)[0-9A-Za-z+/=_-]{24,}")

    def _name(self, item: Setting) -> str:
        name = item.key.lower()
        own = self.owner.search(name)
        if own is None or own.end() != len(name):  # `server_key_file` names a file
            return ""
        return own[0].replace("_", "").replace("-", "")


class PluginTokenDetector(CredentialDetector):
    """The token in the settings of our plugin for MeshCentral, known by the file's name."""

    secret_type = "shim token of the plugin"  # noqa: S105  # pragma: allowlist secret
    owner = re.compile("")
    keys = frozenset(("token",))
    value = re.compile(r"[0-9A-Za-z_-]{16,}")

    def analyze_line(
        self,
        filename: str,
        line: str,
        line_number: int = 0,
        context: CodeSnippet | None = None,
        **more: Any,
    ) -> set[PotentialSecret]:
        """The token in a line of `enumbackend.json`."""
        if PurePath(filename).name != PLUGIN_SETTINGS:
            return set()
        return super().analyze_line(filename, line, line_number, context, **more)


class MeshCentralDetector(CredentialDetector):
    """Session and database keys, mail and messaging passwords of MeshCentral."""

    secret_type = "MeshCentral secret"  # noqa: S105
    owner = re.compile(
        r"\bsessionkey\b|\bdb(?:records)?encryptkey\b|\bsmtp\b|\bmessaging\b|\bsendgrid\b"
    )
    keys = frozenset(
        (
            *("sessionkey", "dbencryptkey", "dbrecordsencryptkey"),
            *("pass", "password", "apikey", "token", "bottoken", "clientsecret", "refreshtoken"),
        )
    )
    shape = _NEVER

    def _name(self, item: Setting) -> str:
        return item.key.lower()


class SmsSectionDetector(CredentialDetector):
    """Credentials in a section for SMS that names no provider we know."""

    secret_type = "SMS gateway credential"  # noqa: S105
    owner = re.compile(r"\bsms(?:\b|_)|\bgateways?\b")
    keys = frozenset(
        (
            *("auth", "authtoken", "authid", "token", "apikey", "apisecret", "apipassword", "sid"),
            *("secret", "password", "clientid", "clientsecret", "signingkey", "accountsid"),
        )
    )
    value = re.compile(r"(?!\w*oauth|basic$|bearer$)\S{6,}")
    shape = _NEVER

    def secret_of(self, item: Setting, around: str, *, is_config: bool) -> str | None:
        """The credential, in a section or a variable named for SMS."""
        if _SECTIONS.isdisjoint(item.path) and not item.key.lower().startswith("sms_"):
            return None
        return super().secret_of(item, around, is_config=is_config)


class SmsUrlDetector(CredentialDetector):
    """Secrets in the query, or the user part, of the URL that SMS are sent by."""

    secret_type = "secret in an SMS URL"  # noqa: S105
    owner = re.compile(r"\bsms\b|\bgateways?\b")
    keys = frozenset(("url", "baseurl"))
    value = re.compile(
        r"https?://(?:[^/@\s]+:(?P<user>[^/@\s{]{4,})@\S*"
        r"|\S*[?&](?:token|key|api_?key|secret|password|pass|auth)=(?P<query>[^&\s{}<>$]{6,})\S*)",
        re.IGNORECASE,
    )
    shape = _NEVER

    def secret_of(self, item: Setting, around: str, *, is_config: bool) -> str | None:
        """The secret in the URL."""
        url = super().secret_of(item, around, is_config=is_config)
        match = self.value.fullmatch(url or "")
        return match[match.lastgroup or 0] if match else None


class PhoneDetector(CredentialDetector):
    """Phone numbers beside credentials: whose account it is, and what to send from.

    Numbers elsewhere are none of it: records and texts are full of them.
    Reserved ones count too, for a block of credentials has no use for them.
    """

    secret_type = "phone number beside credentials"  # noqa: S105
    owner = PROVIDERS
    keys = frozenset(
        (
            *("from", "sender", "number", "numbers", "phone", "phonenumber", "phonenumbers"),
            *("fromnumber", "callerid", "msisdn", "src", "did"),
        )
    )
    value = re.compile(r"\+?(?:[0-9][ ().,+-]*){8,}")
    shape = _NEVER

    def secret_of(self, item: Setting, around: str, *, is_config: bool) -> str | None:
        """The number, in a block with credentials of a gateway."""
        if not is_config or not item.in_credentials:
            return None
        owned = self.owner.search(item.owner) or not _SECTIONS.isdisjoint(item.path)
        return item.value if owned and self.value.fullmatch(item.value) else None


SECTIONS: Final[tuple[type[CredentialDetector], ...]] = (
    OwnSecretDetector,
    PluginTokenDetector,
    MeshCentralDetector,
    SmsSectionDetector,
    SmsUrlDetector,
    PhoneDetector,
)
