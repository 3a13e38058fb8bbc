"""An operation as a line for a POSIX shell: `emercoin-cli name_new 'NAME' 'VALUE' 365`.

Single quotes keep everything as it is, line feeds too, so that what a shell hands
to `emercoin-cli` is octet by octet what was meant. A value that is no plain ASCII
text (control characters that a terminal would act upon, other alphabets) goes in hex.
"""

from __future__ import annotations

import re

from nvs.registration.operation import Kind, Operation

PROGRAM = "emercoin-cli"

_PLAIN = re.compile(rb"[\n -~]*")

FRESH_ADDRESS = (
    "# Without an address behind the days, name_update moves the name to a fresh one of the"
    " wallet; add the present owner's to keep it."
)


def quoted(text: str) -> str:
    """Text in single quotes, always; a quote inside becomes `'"'"'`."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def command_line(operation: Operation) -> str:
    """The line; it spans several where the value does."""
    words = [PROGRAM, operation.kind.value, quoted(operation.name)]
    if operation.kind is Kind.DELETE:
        return " ".join(words)
    text = _plain(operation.value)
    words += [quoted(operation.value.hex() if text is None else text), str(operation.days)]
    if operation.address or text is None:
        words.append(quoted(operation.address))
    if text is None:
        words.append("hex")
    return " ".join(words)


def shell_lines(operation: Operation) -> tuple[str, ...]:
    """The same, with a comment before an update that would change the owner."""
    line = command_line(operation)
    if operation.kind is Kind.UPDATE and not operation.address:
        return FRESH_ADDRESS, line
    return (line,)


def _plain(value: bytes) -> str | None:
    """The value as text, None where a terminal or the node's client may change it."""
    return value.decode() if _PLAIN.fullmatch(value) else None
