"""Makes the text of a code's message when it leaves; it is stored nowhere."""

from __future__ import annotations

from enum_backend.clock import now_ms
from enum_backend.messaging.made_texts import TextMaker, Withdrawn
from enum_backend.storage import Database
from enum_backend.verification import store
from enum_backend.verification.model import Purpose
from enum_backend.verification.texts import Lines, Texts


class CodeTexts(TextMaker):
    """Texts of the codes of one database.

    Args:
        codes: which code each verification has.
        texts: what is said around it.
    """

    def __init__(self, database: Database, codes: store.Codes, texts: Texts) -> None:
        self._database = database
        self.codes = codes
        self.texts = texts

    async def text(self, template: str, verification_id: str) -> str:
        """The text to send.

        Args:
            template: `PURPOSE/language`.

        Raises:
            Withdrawn: a decoy; used or expired meanwhile; or it is gone.
            DatabaseUnavailable: nobody knows now.
        """
        found = await self._database.read(lambda c: store.find(c, verification_id))
        if why := _unwanted(found, now_ms()):
            raise Withdrawn(why)
        purpose, _, language = template.partition("/")
        lines = Lines(found.app_name, found.domain, found.android_hash)
        return self.texts.text(Purpose(purpose), language, self.codes.of(found), lines)


def _unwanted(found: store.Verification, now: int) -> str:
    if found is store.NOBODYS:
        return "its verification is gone"
    if found.decoy:
        return "not wanted any more"
    if found.used_at is not None:
        return "the code was used meanwhile"
    return "the code has expired" if found.expires_at <= now else ""
