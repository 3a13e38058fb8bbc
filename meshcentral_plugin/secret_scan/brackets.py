"""The assignments of texts whose blocks are brackets: JSON, JavaScript, Python, inline tables.

The text need not be right: a template with unquoted `${VAR}` or half a file is
read as far as it goes, and nothing in it is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

_TOKEN = re.compile(
    r"(?P<string>[rRbBuU]{0,2}(?:\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`[^`\n]*`))"
    r"|(?P<variable>\$\{[^}\n]*\})"
    r"|(?P<open>[\[{(])"
    r"|(?P<close>[\]})])"
    r"|(?P<sign>=>|:=|[!=<>]=+|[:=])"
    r"|(?P<comma>[,;])"
    r"|(?P<newline>\n)"
    r"|(?P<bare>[^\s\"'`\[\]{}(),;:=]+)"
)
_ASSIGNS: Final = frozenset((":", "=", "=>", ":="))
DEEPEST: Final = 32
"""Blocks that are remembered; in texts that are no programs brackets need no partner."""

_NAME = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Assignment:
    """One key and its value.

    Attributes:
        line: from 1.
        path: names of the blocks around it, outermost first.
        blocks: numbers of these blocks in the file; no block has another's.
    """

    line: int
    key: str
    value: str
    path: tuple[str, ...] = ()
    blocks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Group:
    path: tuple[str, ...]
    blocks: tuple[int, ...]
    key: str | None = None
    """What the elements of a list, or the arguments of a call, are values of."""
    call: bool = False


def read_brackets(
    text: str,
    *,
    line: int = 1,
    path: tuple[str, ...] = (),
    blocks: tuple[int, ...] = (),
    key: str | None = None,
    numbers: Iterator[int] | None = None,
) -> list[Assignment]:
    """The assignments in a text, in its order.

    Args:
        line: number of its first line.
        path, blocks: where it stands.
        key: what the text as a whole is the value of.
        numbers: gives the numbers of blocks.
    """
    return _Reader(text, line, _Group(path, blocks), key, numbers or count(1)).read()


class _Reader:
    def __init__(
        self, text: str, line: int, outermost: _Group, key: str | None, numbers: Iterator[int]
    ) -> None:
        self._tokens = list(_TOKEN.finditer(text))
        self._line = line
        self._numbers = numbers
        self._groups = [outermost]
        self._key = key
        """The key whose value comes next."""
        self._last: str | None = None
        """What becomes a key if a sign follows."""
        self._annotated: str | None = None
        """The key before `: type`; its value follows a `=`."""
        self._found: list[Assignment] = []

    def read(self) -> list[Assignment]:
        for index, token in enumerate(self._tokens):
            text = token.group()
            match token.lastgroup:
                case "newline":
                    self._newline()
                case "string":
                    self._string(_unquoted(text), self._next(index))
                case "bare":
                    self._bare(text, self._next(index))
                case "variable":
                    self._key, self._last = None, text
                case "sign":
                    self._sign(text)
                case "open":
                    self._open(text)
                case "close":
                    self._close(text)
                case _:
                    self._comma(self._tokens[index - 1].lastgroup if index else None)
        return self._found

    def _next(self, index: int) -> str:
        return self._tokens[index + 1].group() if index + 1 < len(self._tokens) else ""

    def _newline(self) -> None:
        self._line += 1
        self._annotated = None
        if len(self._groups) == 1:
            self._key = self._last = None

    def _string(self, text: str, following: str) -> None:
        key = self._key or self._groups[-1].key
        if following not in _ASSIGNS and key is not None and self._last is None:
            self._emit(key, text)
        self._key, self._last = None, text

    def _bare(self, text: str, following: str) -> None:
        if self._key is not None and following != "(":
            self._emit(self._key, text)
            self._annotated, self._key = self._key, None
        self._last = text

    def _sign(self, text: str) -> None:
        if text in _ASSIGNS:
            annotated = self._annotated if text == "=" else None
            self._key = annotated or self._last
        self._last = self._annotated = None

    def _open(self, text: str) -> None:
        around = self._groups[-1]
        called = (self._last,) if text == "(" and self._last else ()
        named = (self._key,) if self._key else ()
        key = None if text == "{" else self._key
        self._groups.append(
            _Group(
                (around.path + named + called)[-DEEPEST:],
                (*around.blocks, next(self._numbers))[-DEEPEST:],
                key,
                call=text == "(",
            )
        )
        self._key = self._last = None

    def _close(self, text: str) -> None:
        if len(self._groups) > 1:
            self._groups.pop()
        self._key = None
        if text != "]":  # `environ["NAME"] = ...`: the name stays
            self._last = None

    def _comma(self, before: str | None) -> None:
        # setenv("NAME", "value")
        named = self._groups[-1].call and before == "string" and _NAME.fullmatch(self._last or "")
        self._key = self._last if named else None
        self._last = self._annotated = None

    def _emit(self, key: str, value: str) -> None:
        group = self._groups[-1]
        self._found.append(Assignment(self._line, key, value, group.path, group.blocks))


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text.lstrip("rRbBuU")[1:-1])
