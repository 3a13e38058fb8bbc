"""Plain-text mail, handed to the configured server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime

import aiosmtplib

from enum_backend.plain_mail import plain_mail
from enum_backend.settings.smtp import SmtpSettings, mail_address


class MailRefused(Exception):
    """A mail was not taken.

    Attributes:
        final: the server refused this very mail for good.
        status: its reply code, None where there was none.
    """

    def __init__(self, *, final: bool, status: int | None = None) -> None:
        super().__init__("the mail was not taken")
        self.final = final
        self.status = status


class Mailer:
    """Hands plain-text mails to the configured server."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    @property
    def usable(self) -> bool:
        """Whether there is a server and an address to send from."""
        return bool(self._settings.host and self._settings.sender)

    async def send(
        self,
        to: str,
        subject: str,
        text: str,
        *,
        message_id: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send one mail to one address.

        Args:
            subject: any text; what is no printable character becomes a blank.
            message_id: of us, the same for a repeat; the sender's domain is added.

        Raises:
            MailRefused: the server did not take it, or cannot be reached.
            ValueError: `to` is no address.
        """
        settings = self._settings
        fields = {
            "From": settings.sender,
            "To": mail_address(to),
            "Date": format_datetime(datetime.now(UTC)),
            "Message-ID": f"<{message_id}@{settings.sender.partition('@')[2]}>",
            "Auto-Submitted": "auto-generated",
        }
        mail = plain_mail(fields, {"Subject": subject, **(headers or {})}, text)
        try:
            async with asyncio.timeout(settings.timeout):
                await aiosmtplib.send(
                    mail,
                    sender=settings.sender,
                    recipients=[to],
                    hostname=settings.host,
                    port=settings.port,
                    username=settings.user or None,
                    password=settings.password.get_secret_value() or None,
                    use_tls=settings.tls == "tls",
                    start_tls=settings.tls == "starttls",
                    timeout=settings.timeout,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refusal.code for refusal in error.recipients]
            raise MailRefused(final=all(c >= 500 for c in codes), status=codes[0]) from None
        except aiosmtplib.SMTPAuthenticationError as error:
            # Ours to set right: the mail itself is not at fault.
            raise MailRefused(final=False, status=error.code) from None
        except aiosmtplib.SMTPResponseException as error:
            raise MailRefused(final=error.code >= 500, status=error.code) from None
        except (aiosmtplib.SMTPException, TimeoutError, OSError):
            raise MailRefused(final=False) from None
