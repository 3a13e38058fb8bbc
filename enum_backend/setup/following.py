"""Who follows the chain when several processes share a database: one per mirror."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import structlog

from enum_backend.errors import SettingsError
from enum_backend.settings import Settings
from enum_backend.setup.records import build_mirror, mirror_path
from nvs.mirror import Mirror, MirrorBusy, MirrorReader, MirrorUnusable

log = structlog.get_logger("enum_backend.following")


class ChainDuty:
    """Writes the mirror while this process leads, and only reads it otherwise.

    Attributes:
        reader: the records, whoever writes them.
    """

    def __init__(self, settings: Settings) -> None:
        """
        Raises:
            SettingsError: the node's address, or a name to keep, cannot be used.
        """
        self._settings = settings
        self.reader = MirrorReader(mirror_path(settings))
        self._next: Mirror | None = build_mirror(settings)
        self._mirror: Mirror | None = None
        self._failure = ""

    async def take(self) -> bool:
        """Begin to follow; False while the process before still has the files."""
        mirror = self._next or build_mirror(self._settings)
        self._next = None
        mirror.serve(self.reader)
        try:
            await mirror.start()
        except BaseException as error:
            self.reader.detach()
            await mirror.close()
            if not isinstance(error, (MirrorBusy, MirrorUnusable)):
                raise
            if str(error) != self._failure:
                log.warning("the chain is not followed here", why=str(error))
            self._failure = str(error)
            return False
        self._mirror, self._failure = mirror, ""
        return True

    async def leave(self) -> None:
        """End following, and read what the next one writes."""
        if self._mirror is not None:
            await self._mirror.close()
            self._mirror = None
            self.reader.detach()

    async def close(self) -> None:
        """Let go of the files."""
        await self.leave()
        if self._next is not None:
            await self._next.close()
        await self.reader.close()


def mirror_topic(data_dir: Path) -> str:
    """The name of this data directory's mirror: each has one follower of its own.

    Raises:
        SettingsError: the directory cannot be written.
    """
    path = data_dir / "mirror.id"
    try:
        if not path.exists():
            temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
            temporary.write_text(f"{secrets.token_hex(16)}\n", "ascii")
            try:
                os.link(temporary, path)  # the first of several processes decides
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return f"mirror {path.read_text('ascii').strip()}"
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be used: {error}") from None
