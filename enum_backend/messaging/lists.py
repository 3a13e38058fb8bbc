"""Lists of messages for callers: whose they may see, cursors, texts of their own inbox."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from enum_backend.errors import NotFound, wrong_field
from enum_backend.messaging import list_pages
from enum_backend.messaging.list_pages import NEWEST, Position, Wanted
from enum_backend.messaging.listed import ListedMessage
from enum_backend.storage import Database, Sealer
from enum_backend.storage.sealing import SealBroken


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who reads; an admin sees every tenant's messages, but only his own tenant's texts."""

    tenant: str
    is_admin: bool = False

    def may_see(self, tenant: str | None) -> bool:
        """Whether a message of `tenant` (None = nobody's) is there for this reader."""
        return self.is_admin or tenant == self.tenant


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message, and its text where the reader may have it."""

    message: ListedMessage
    text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ShownPage:
    """One page.

    Attributes:
        next: cursor of the next page, None at the end.
        position: cursor behind this page, also at the end: what comes later is there.
    """

    messages: tuple[ShownMessage, ...]
    next: str | None
    position: str


class MessageLists:
    """Reads messages for callers. Cursors are sealed: ids would tell how much others send."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def page(
        self, viewer: Viewer, wanted: Wanted, after: str | None, limit: int
    ) -> ShownPage:
        """The messages behind a cursor, None = from the first on (or back from the newest).

        Raises:
            ValidationFailed: the cursor is none that this reader was given.
            NotFound: another tenant's messages are wanted.
        """
        if not viewer.may_see(wanted.tenant):
            raise NotFound("There is no such tenant.")
        start = NEWEST if wanted.backwards else Position()
        start = self._open_cursor(viewer, after) if after else start
        found = await self._database.read(
            lambda connection: list_pages.page(connection, wanted, start, limit)
        )
        cursor = self._cursor(viewer, found.position)
        return ShownPage(
            messages=tuple(self._shown(viewer, message) for message in found.messages),
            next=cursor if found.more else None,
            position=cursor,
        )

    async def end(self, viewer: Viewer) -> str:
        """The cursor behind everything there is: what comes from now on follows it."""
        position = await self._database.read(list_pages.end)
        return self._cursor(viewer, position)

    async def one(self, viewer: Viewer, message_id: str) -> ShownMessage:
        """One message, out or in.

        Raises:
            NotFound: there is none of that id for this reader.
        """
        found = await self._database.read(
            lambda connection: list_pages.find(connection, message_id)
        )
        if found is None or not viewer.may_see(found.tenant):
            raise NotFound("There is no message of that id.")
        return self._shown(viewer, found)

    def _shown(self, viewer: Viewer, message: ListedMessage) -> ShownMessage:
        # What nobody owns is the admin's to look after; a repeat is its original's owner's.
        unowned = message.tenant is None and message.duplicate_of is None
        may_read = message.tenant == viewer.tenant or (unowned and viewer.is_admin)
        if message.body is None or not may_read:
            return ShownMessage(message)
        try:
            return ShownMessage(message, self._sealer.open(message.body, message.id))
        except SealBroken:
            return ShownMessage(message)

    def _cursor(self, viewer: Viewer, position: Position) -> str:
        sealed = self._sealer.seal(f"{position.outbound}.{position.inbound}", _bound_to(viewer))
        return base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")

    def _open_cursor(self, viewer: Viewer, cursor: str) -> Position:
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
            outbound, inbound = self._sealer.open(sealed, _bound_to(viewer)).split(".")
        except (binascii.Error, ValueError, SealBroken):
            raise wrong_field("after", "is not a position that a list gave") from None
        return Position(int(outbound), int(inbound))


def _bound_to(viewer: Viewer) -> str:
    return f"list of {viewer.tenant}"
