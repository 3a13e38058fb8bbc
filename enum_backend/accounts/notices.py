"""Tells users what was done to their account: by SMS, and by mail where there is a server.

A notice holds no code and no link, so that nobody learns to follow one. What cannot be
sent is logged and holds nothing up.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from enum_backend.accounts.model import User
from enum_backend.errors import EnumBackendError
from enum_backend.mail import Mailer, MailRefused
from enum_backend.messaging.model import Client, MessageKind, SendRequest
from enum_backend.messaging.service import MessageService

log = structlog.get_logger("enum_backend.accounts")

CLOSE_SECONDS: Final = 5.0

CLIENT: Final = Client("accounts", "default", 0)
"""Whose messages notices are: without a ceiling of its own."""


class Notices:
    """Sends notices.

    Args:
        app_name: what they call this service.
    """

    def __init__(self, messages: MessageService, mailer: Mailer, app_name: str) -> None:
        self._messages = messages
        self._mailer = mailer
        self._app = app_name
        self._tasks: set[asyncio.Task[None]] = set()

    def password_changed(self, user: User) -> None:
        """After a change or a reset."""
        self._tell(user, "your password was changed")

    def two_factor_on(self, user: User) -> None:
        """By mail only: the phone has just shown a code."""
        self._spawn(self._mail(user.email, "two-factor login was switched on"))

    def two_factor_off(self, user: User) -> None:
        """A second factor is gone."""
        self._tell(user, "two-factor login was switched off")

    def phone_changed(self, user: User) -> None:
        """`user` as it was before: the former number is told."""
        self._tell(user, "the phone number of your account was changed")

    def phone_lost(self, user: User) -> None:
        """An admin gave the number to another account: by mail, it is not theirs any more."""
        self._spawn(self._mail(user.email, "your phone number was given to another account"))

    def registered_again(self, email: str) -> None:
        """Somebody tried to make an account with the address of one."""
        self._spawn(self._mail(email, "somebody tried to make an account with your address"))

    async def close(self) -> None:
        """Let those under way end, for a few seconds."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()

    def _tell(self, user: User, what: str) -> None:
        if user.phone and user.phone_verified:
            self._spawn(self._sms(user.phone, what))
        self._spawn(self._mail(user.email, what))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sms(self, number: str, what: str) -> None:
        request = SendRequest(
            to=number,
            text=self._text(what),
            client=CLIENT,
            kind=MessageKind.ADMIN,
            skip_rate_limit=True,
            erase_text=True,
            about="account notice",
        )
        try:
            await self._messages.send(request)
        except EnumBackendError as error:
            log.warning("a notice was not sent", by="sms", error_code=error.error_code)

    async def _mail(self, email: str, what: str) -> None:
        if not self._mailer.usable:
            return
        subject = f"{self._app}: {what}"
        message_id = f"notice-{secrets.token_hex(12)}"
        try:
            await self._mailer.send(email, subject, self._text(what), message_id=message_id)
        except (MailRefused, ValueError) as error:
            log.warning("a notice was not sent", by="mail", error=type(error).__name__)

    def _text(self, what: str) -> str:
        return f"{self._app}: {what}. If it was not you, reset your password or ask an admin."
