"""`audit-head.json`: the end of the chain, for comparing, and ends that it has lost."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Final

import structlog

from enum_backend.audit.chain import Head
from enum_backend.clock import now_ms, rfc3339

HEAD_FILE: Final = "audit-head.json"
MAX_LOST: Final = 20

log = structlog.get_logger("enum_backend.audit")


def read_heads(file: Path) -> list[Head]:
    """The exported head, then those that the chain no longer contained when it was looked at.

    The latter stay until somebody removes the file: an alarm is not over because the
    chain goes on. Empty = the file is not there, or none of ours.
    """
    try:
        document = json.loads(file.read_text("utf-8"))
        return [Head.parse(str(text)) for text in (document["head"], *document.get("lost", ()))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def export(file: Path, head: Head, lost: Head | None = None) -> None:
    """Replace the head; `lost` is one more that the chain lacks. Trouble is logged."""
    lacking = [str(known) for known in read_heads(file)[1:]]
    if lost is not None and str(lost) not in lacking:
        lacking.append(str(lost))
    document = {"head": str(head), "written_at": rfc3339(now_ms()), "lost": lacking[:MAX_LOST]}
    temporary = file.with_name(f"{file.name}.new")
    try:
        with temporary.open("w", encoding="utf-8") as target:
            json.dump(document, target)
            target.write("\n")
            target.flush()
            os.fsync(target.fileno())
        temporary.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        log.error("the audit head cannot be written", why=error.strerror)
