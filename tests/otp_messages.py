"""The messages that the extractor of one-time codes is tested and measured with.

`tests/unit/agents/otp_messages` has a file per language and, beginning with `_`, files about
wording. Half of the messages of the languages, chosen by their hash, are held out: nobody looks
at them while rules and packs are changed, so that their figures say something about messages
nobody has seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "unit" / "agents" / "otp_messages"


@dataclass(frozen=True)
class Message:
    """A message and what is right to find in it.

    Attributes:
        code: None when it carries none.
        accepted: every right rendering of `code`.
        tags: what is special about it.
    """

    language: str
    text: str
    code: str | None
    accepted: tuple[str, ...]
    tags: tuple[str, ...]
    held_out: bool = False


def own_messages() -> list[Message]:
    """All messages of the folder."""
    messages = []
    for file in sorted(FOLDER.glob("*.json")):
        tuned = file.name.startswith("_")
        for row in json.loads(file.read_text(encoding="utf-8")):
            text, code = row["message"], row["code"]
            messages.append(
                Message(
                    language=row.get("language", "mixed" if tuned else file.stem),
                    text=text,
                    code=code,
                    accepted=() if code is None else (code,),
                    tags=(row["tag"],),
                    held_out=not tuned and hashlib.sha256(text.encode()).digest()[0] % 2 == 1,
                )
            )
    return messages


def messages_of(path: Path) -> list[Message]:
    """The messages of a file `{"cases": [{"message", "expected", "accept", "lang", "tags"}]}`."""
    return [
        Message(
            language=case["lang"],
            text=case["message"],
            code=case["expected"],
            accepted=_accepted(case["expected"], case.get("accept", ())),
            tags=tuple(case.get("tags", ())) or ("none",),
        )
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]
    ]


def _accepted(code: str | None, others: Sequence[str]) -> tuple[str, ...]:
    return () if code is None else (code, *others)
