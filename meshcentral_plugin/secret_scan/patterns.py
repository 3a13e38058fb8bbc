"""Detectors of secrets that show what they are: their issuer gave them a shape of their own."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any, Final

from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.util.code_snippet import CodeSnippet

from meshcentral_plugin.secret_scan.placeholders import is_placeholder, without_variables

_HASH = re.compile(r"md5|sha|hash|digest|checksum|etag|commit|revision|integrity", re.IGNORECASE)


class ShapeDetector(RegexBasedDetector):
    """A detector whose expressions (`denylist`) capture the secret, or are all of it.

    Attributes:
        near: what must stand within five lines, where the shape alone says too little.
        shown: what of the secret may be shown, because it only says what it is.
    """

    near: re.Pattern[str] | None = None
    shown: str = ""

    def analyze_string(self, string: str) -> Generator[str, None, None]:
        """The secrets in a line, without those that are placeholders."""
        for secret in super().analyze_string(without_variables(string)):
            if not is_placeholder(secret):
                yield secret

    def analyze_line(
        self,
        filename: str,
        line: str,
        line_number: int = 0,
        context: CodeSnippet | None = None,
        **kwargs: Any,
    ) -> set[PotentialSecret]:
        """The secrets in a line of a file."""
        if self.near is not None:
            around = (line,) if context is None else context
            if not any(self.near.search(text) for text in around):
                return set()
        return super().analyze_line(filename, line, line_number, **kwargs)


class TwilioSidDetector(ShapeDetector):
    """Account SIDs (`AC`) and API key SIDs (`SK`): the user name of a Twilio account."""

    secret_type = "Twilio SID"  # noqa: S105
    denylist = (re.compile(r"(?<![0-9A-Za-z])((?:AC|SK)[0-9a-fA-F]{32})(?![0-9A-Za-z])"),)


class TwilioBareTokenDetector(ShapeDetector):
    """32 hexadecimal digits beside a Twilio SID, or in a line that speaks of Twilio."""

    secret_type = "Twilio auth token (by shape)"  # noqa: S105
    denylist = (
        re.compile(r"(?<![0-9A-Za-z])AC[0-9a-fA-F]{32}[^0-9A-Za-z]{1,6}([0-9a-fA-F]{32})\b"),
        re.compile(r"(?i)twilio.{0,200}?(?<![0-9a-z-])([0-9a-f]{32})(?![0-9a-z-])"),
    )

    def analyze_string(self, string: str) -> Generator[str, None, None]:
        """The tokens in a line; a hash of something is none."""
        if not _HASH.search(string):
            yield from super().analyze_string(string)


class PlivoIdDetector(ShapeDetector):
    """Auth ids of Plivo: 20 characters, `MA` for an account, `SA` for a subaccount."""

    secret_type = "Plivo auth id (by shape)"  # noqa: S105
    denylist = (re.compile(r"(?<![0-9A-Za-z/+])((?:MA|SA)[0-9A-Z]{18})(?![0-9A-Za-z/+=])"),)
    near = re.compile("plivo", re.IGNORECASE)


class PlivoBareTokenDetector(ShapeDetector):
    """40 characters beside an auth id of Plivo."""

    secret_type = "Plivo auth token (by shape)"  # noqa: S105
    denylist = (re.compile(r"\b(?:MA|SA)[0-9A-Z]{18}[^0-9A-Za-z]{1,6}([0-9A-Za-z+/=_-]{40})\b"),)


class TelnyxKeyDetector(ShapeDetector):
    """API v2 keys of Telnyx. The public key beside them is no secret."""

    secret_type = "Telnyx API key (by shape)"  # noqa: S105
    denylist = (
        re.compile(r"(?<![0-9A-Za-z])(KEY(?=[A-Z]*\d)[0-9A-Za-z]{20,}(?:_[0-9A-Za-z]{8,})?)(?!\w)"),
    )
    shown = "KEY"


class EnumBackendKeyDetector(ShapeDetector):
    """API keys of enum-backend."""

    secret_type = "enum-backend API key"  # noqa: S105
    denylist = (re.compile(r"(?<![0-9A-Za-z])(ebk_[0-9A-Za-z_-]{20,})"),)
    shown = "ebk_"


class EnumBackendSessionDetector(ShapeDetector):
    """Sessions of enum-backend's users, as programs carry them."""

    secret_type = "enum-backend session"  # noqa: S105  # pragma: allowlist secret
    denylist = (re.compile(r"(?<![0-9A-Za-z])(ebs_[0-9A-Za-z_-]{20,})"),)
    shown = "ebs_"


class ShimAddressDetector(ShapeDetector):
    """Addresses of shims: their last part is the secret."""

    secret_type = "shim token"  # noqa: S105
    denylist = (
        re.compile(r"/meshcentral/sms/([0-9A-Za-z_-]{16,})"),
        re.compile(r"/shim/[a-z0-9-]+/([0-9A-Za-z_-]{16,})"),
    )


class WebhookSecretDetector(ShapeDetector):
    """Secrets of Standard Webhooks."""

    secret_type = "webhook secret"  # noqa: S105
    denylist = (re.compile(r"(?<![0-9A-Za-z])(whsec_[0-9A-Za-z+/_-]{24,}={0,2})"),)
    shown = "whsec_"


SHAPES: Final[tuple[type[ShapeDetector], ...]] = (
    TwilioSidDetector,
    TwilioBareTokenDetector,
    PlivoIdDetector,
    PlivoBareTokenDetector,
    TelnyxKeyDetector,
    EnumBackendKeyDetector,
    EnumBackendSessionDetector,
    ShimAddressDetector,
    WebhookSecretDetector,
)
