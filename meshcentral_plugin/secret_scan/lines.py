"""The assignments of texts with one setting a line: TOML, YAML, `.env`, INI, shell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from meshcentral_plugin.secret_scan.brackets import Assignment, read_brackets

MOST_LINES = 400
"""Lines of one inline table or list."""

_HEADER = re.compile(r"\s*(?:[#;]\s*)?\[(\[?)([\w.:/+\"' -]+)\]{1,2}\s*(?:[#;].*)?")
_PAIR = re.compile(
    r"(?P<indent>\s*)(?P<comment>(?:#|//|;)\s*)?(?P<dash>(?:-\s+)*)"
    r"(?:(?:export|ENV|ARG|set)\s+)?"
    r"(?P<key>\"[^\"]+\"|'[^']+'|[A-Za-z_][\w.-]*)\s*(?P<sign>=|:(?=\s|$))\s*(?P<value>.*)"
)
_QUOTED_PAIR = re.compile(r"\s*-\s+([\"'])(?P<key>[A-Za-z_]\w*)=(?P<value>.*)\1\s*")
_STRING = re.compile(r"\"((?:\\.|[^\"\\])*)\"|'([^']*)'")
_COMMENT = re.compile(r"(?:^|\s)(?:#|//).*")
_INLINE = re.compile(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)=(\"[^\"]*\"|'[^']*'|[^\s\"']+)")


@dataclass(frozen=True, slots=True)
class _Level:
    indent: int
    name: str
    block: int
    item: bool = False


def read_lines(text: str) -> list[Assignment]:
    """The assignments in a text, in its order; what is commented out is among them."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._numbers: Iterator[int] = count(1)
        self._file = next(self._numbers)
        self._tables: dict[tuple[str, ...], int] = {}
        self._header: tuple[str, ...] = ()
        self._levels: list[_Level] = []
        self._found: list[Assignment] = []

    def read(self) -> list[Assignment]:
        index = 0
        while index < len(self._lines):
            index += self._line(index)
        return self._found

    def _line(self, index: int) -> int:
        """Read a line; how many were read with it."""
        line = self._lines[index]
        if header := _HEADER.fullmatch(line):
            self._table(header[2], is_item=bool(header[1]))
            return 1
        pair = _QUOTED_PAIR.fullmatch(line) or _PAIR.fullmatch(line)
        if pair is None:
            text = line.lstrip(" \t-")
            if text.startswith(("{", "[")):
                return self._brackets(index, text, None)
            for name, value in _INLINE.findall(line):  # docker run -e NAME=value
                self._add(index, name, value)
            return 1
        key, value = pair["key"].strip("\"'"), pair["value"].strip()
        if pair.re is _PAIR and not pair["comment"]:
            self._nest(pair, key, value)
        if value.startswith(("{", "[")):
            return self._brackets(index, value, key)
        self._add(index, key, value)
        return 1

    def _add(self, index: int, key: str, value: str) -> None:
        self._found.append(Assignment(index + 1, key, _literal(value), self._path, self._blocks))

    @property
    def _path(self) -> tuple[str, ...]:
        return (*self._header, *(level.name for level in self._levels if level.name))

    @property
    def _blocks(self) -> tuple[int, ...]:
        prefixes = (self._header[:length] for length in range(1, len(self._header) + 1))
        tables = (self._tables[prefix] for prefix in prefixes if prefix in self._tables)
        # The settings of the file itself make a block; those in tables are not in it.
        outer = () if self._header or self._levels else (self._file,)
        return (*outer, *tables, *(level.block for level in self._levels))

    def _table(self, header: str, *, is_item: bool) -> None:
        self._header = tuple(part.strip().strip("\"'") for part in header.split("."))
        if is_item:
            around = (self._header[:length] for length in range(1, len(self._header)))
            self._tables = {path: self._tables[path] for path in around if path in self._tables}
        self._tables.setdefault(self._header, next(self._numbers))
        self._levels = []

    def _nest(self, pair: re.Match[str], key: str, value: str) -> None:
        """Enter and leave the blocks of indented lines."""
        indent = len(pair["indent"].expandtabs(8))
        if dash := len(pair["dash"]):
            while self._levels and (
                self._levels[-1].indent > indent
                or (self._levels[-1].indent == indent and self._levels[-1].item)
            ):
                self._levels.pop()
            self._levels.append(_Level(indent, "", next(self._numbers), item=True))
            indent += dash
        else:
            while self._levels and self._levels[-1].indent >= indent:
                self._levels.pop()
        if pair["sign"] == ":" and (not value or value.startswith(("#", "&"))):
            self._levels.append(_Level(indent, key, next(self._numbers)))

    def _brackets(self, index: int, text: str, key: str | None) -> int:
        """Read an inline table or list; how many lines it takes."""
        taken = [text]
        depth = _depth(text)
        for line in self._lines[index + 1 : index + MOST_LINES]:
            if depth <= 0:
                break
            taken.append(line)
            depth += _depth(line)
        if depth > 0:
            taken = [text]
        self._found += read_brackets(
            "\n".join(taken),
            line=index + 1,
            path=self._path,
            blocks=self._blocks,
            key=key,
            numbers=self._numbers,
        )
        return len(taken)


def _depth(line: str) -> int:
    bare = _STRING.sub("", line)
    return sum(map(bare.count, "{[")) - sum(map(bare.count, "}]"))


def _literal(value: str) -> str:
    if value.startswith(('"""', "'''")):
        return ""  # a text of several lines: a key in it is found by its own marks
    if string := _STRING.match(value):
        return string[1] if string[1] is not None else string[2]
    return _COMMENT.sub("", value).rstrip(", \t").strip("\"'")
