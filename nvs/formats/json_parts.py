"""Small pieces that every JSON format uses: paths, numbers, gateway words, targets."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nvs.formats.draft import Candidate

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}", re.ASCII)


def json_path(steps: Iterable[str | int]) -> str:
    """`("voice", 1, "uri")` -> `$.voice[1].uri`; odd keys are quoted, ASCII, at most 40 long."""
    text = "$"
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _IDENTIFIER.fullmatch(step):
            text += f".{step}"
        else:
            key = ascii(step)[1:-1].replace('"', '\\"')
            text += f'["{key[:40]}"]'
    return text


def e164(number: str) -> str:
    """A number that passed the schema, with its plus: `14155551234` -> `+14155551234`."""
    return "+" + number.removeprefix("+")


def candidate(
    where: str,
    target: str,
    service: str | None = None,
    order: int | None = None,
    preference: int | None = None,
) -> Candidate:
    """A service from text that is a regexp if it starts with `!`, else a URI.

    `service` may come without `E2U+`, as in `email:mailto`.
    """
    if service is not None and "E2U" not in service.upper():
        service = f"E2U+{service}"
    if target.startswith("!"):
        return Candidate(where, service, target, None, order, preference)
    return Candidate(where, service, None, target, order, preference)
