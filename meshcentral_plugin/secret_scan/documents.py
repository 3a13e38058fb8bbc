"""A file as the detectors see it: settings, each with what it belongs to."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Final

from meshcentral_plugin.secret_scan.brackets import Assignment, read_brackets
from meshcentral_plugin.secret_scan.lines import read_lines

_BRACKETED: Final = frozenset((".json", ".json5", ".jsonc", ".jsonl", ".ndjson", ".har"))
_LINED: Final = frozenset(
    (".toml", ".yaml", ".yml", ".env", ".ini", ".cfg", ".conf", ".cnf", ".properties", ".envrc")
)
_TEXTS: Final = frozenset((".md", ".rst", ".txt", ".sh", ".bash", ".zsh", ".ps1", ".tf", ""))
_VARIANTS: Final = frozenset(
    (
        ".example",
        ".sample",
        ".template",
        ".tmpl",
        ".tpl",
        ".dist",
        ".bak",
        ".old",
        ".orig",
        ".local",
    )
)
_OWNER_KEYS: Final = frozenset(("provider", "gateway", "type", "driver"))
_CREDENTIAL = re.compile(
    r"(?:auth|token|apikey|api_?key|key|secret|password|pass|passphrase|sid|"
    r".*[-_](?:token|key|secret|password|sid|auth)|auth_?id|[a-z]+(?:Token|Key|Secret|Password|Sid))"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One assignment, and what it belongs to.

    Attributes:
        line: from 1.
        owner: lower-case names of the file, of the blocks around it and of the
            setting, and the providers these blocks name.
        path: lower-case names of the blocks around it.
        in_credentials: whether a block around it holds a key or password.
    """

    line: int
    key: str
    value: str
    owner: str
    path: tuple[str, ...]
    in_credentials: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A file: its settings by line, and whether settings are all there is in it."""

    settings: Mapping[int, tuple[Setting, ...]]
    is_config: bool


def document_of(filename: str) -> Document:
    """The settings of a file; none when it cannot be read.

    A file is read once for all detectors, and again when it changes.
    """
    try:
        state = os.stat(filename)  # noqa: PTH116  detect-secrets has names of files, not paths
    except OSError:
        return Document({}, is_config=False)
    return _document(filename, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _document(filename: str, _changed: int, _size: int) -> Document:
    try:
        text = decoded(Path(filename).read_bytes())
    except OSError:
        return Document({}, is_config=False)
    return parse(PurePath(filename).name, text)


def decoded(content: bytes) -> str:
    """A file's text: UTF-8, or UTF-16 with its mark; what is neither is replaced."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return content.decode(encoding, "replace").replace("\r\n", "\n")


def parse(name: str, text: str) -> Document:
    """The settings in a text.

    Args:
        name: the file's name: its ending says how to read it.
    """
    suffix = _suffix(name)
    if suffix in _BRACKETED or (not suffix and text.lstrip().startswith("{")):
        return Document(_by_line(name, read_brackets(text)), is_config=True)
    if suffix in _LINED:
        return Document(_by_line(name, read_lines(text)), is_config=True)
    read = read_lines if suffix in _TEXTS else read_brackets
    return Document(_by_line(name, read(text)), is_config=False)


def _suffix(name: str) -> str:
    """The ending that counts: `.json` of `config.json.template`, `.env` of `.env.production`."""
    parts = name.lower().split(".")
    while len(parts) > 1 and f".{parts[-1]}" in _VARIANTS:
        parts.pop()
    if parts[:2] == ["", "env"]:
        return ".env"
    return f".{parts[-1]}" if len(parts) > 1 else ""


def _by_line(name: str, found: Iterable[Assignment]) -> dict[int, tuple[Setting, ...]]:
    assignments = list(found)
    providers: defaultdict[int, list[str]] = defaultdict(list)
    credentials: set[int] = set()
    for item in assignments:
        if not item.blocks:
            continue
        if item.key.lower() in _OWNER_KEYS:
            providers[item.blocks[-1]].append(item.value)
        elif _CREDENTIAL.fullmatch(item.key) or _CREDENTIAL.fullmatch(item.key.lower()):
            credentials.add(item.blocks[-1])
    lines: defaultdict[int, list[Setting]] = defaultdict(list)
    for item in assignments:
        named = [value for block in item.blocks for value in providers.get(block, ())]
        path = tuple(part.lower() for part in item.path)
        owner = " ".join((name.split(".")[0], *path, item.key, *named)).lower()
        inside = not credentials.isdisjoint(item.blocks)
        lines[item.line].append(Setting(item.line, item.key, item.value, owner, path, inside))
    return {line: tuple(settings) for line, settings in lines.items()}
