"""Texts that are never stored: made when the message leaves."""

from __future__ import annotations

from typing import Protocol


class Withdrawn(Exception):
    """The message is wanted no more; the argument says why."""


class TextMaker(Protocol):
    """Makes the texts of messages that have a template."""

    async def text(self, template: str, verification_id: str) -> str:
        """The text to send.

        Raises:
            Withdrawn: nothing is to be sent any more.
            DatabaseUnavailable: nobody knows now.
        """
