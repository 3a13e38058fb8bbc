"""What an examination of a MeshCentral configuration finds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Step = str | int
_PLAIN = re.compile(r"[A-Za-z0-9_$-]+", re.ASCII)


class Kind(StrEnum):
    """How a finding counts: errors refuse, translations are put right, notes only inform."""

    ERROR = "error"
    TRANSLATED = "translated"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class ConfigFinding:
    """One finding; never holds a value of the configuration, which may be a secret.

    Attributes:
        path: where, as `settings.cert` or `domains[""].limits`; empty = the whole file.
        fix: what to do; empty when nothing is to be done.
        trap: the trap's name for `--allow`; empty when it is none.
    """

    kind: Kind
    path: str
    message: str
    fix: str = ""
    trap: str = ""

    def json(self) -> dict[str, Any]:
        """The finding as programs read it."""
        return {
            "kind": self.kind,
            "path": self.path,
            "message": self.message,
            "fix": self.fix or None,
            "trap": self.trap or None,
        }

    def text(self) -> str:
        """The finding as people read it."""
        where = f"{self.path}: " if self.path else ""
        trap = f" [{self.trap}]" if self.trap else ""
        fix = f"\n  fix: {self.fix}" if self.fix else ""
        return f"{self.kind}{trap}: {where}{self.message}{fix}"


def error(path: str, message: str, fix: str = "", trap: str = "") -> ConfigFinding:
    """It would be wrong as it stands."""
    return ConfigFinding(Kind.ERROR, path, message, fix, trap)


def translated(path: str, message: str) -> ConfigFinding:
    """A wrong name that was replaced by the real one."""
    return ConfigFinding(Kind.TRANSLATED, path, message)


def note(path: str, message: str, trap: str = "") -> ConfigFinding:
    """Worth knowing."""
    return ConfigFinding(Kind.NOTE, path, message, trap=trap)


def show_path(steps: Sequence[Step]) -> str:
    """`settings.cert`, `domains[""].title`, `settings.webrtcConfig.iceServers[0]`."""
    shown = ""
    for step in steps:
        if isinstance(step, int):
            shown += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            shown += f".{step}" if shown else step
        else:
            shown += f'["{step[:60]}"]'
    return shown
