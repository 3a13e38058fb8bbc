"""Rules for numbers that have no record of their own: toll-free numbers, mostly.

    # a comment: any line whose first character comes before '0'
    =^(1?8(?:00|88|77|66|55|44|33)\\d{7})$
    E2U+sip=100|10|!^(.*)$!sip:\\1@tollfree.example.net!

A rule is a pattern for the whole number (digits, no plus) and the services that
follow it. The first rule that matches and has a valid service answers.

Source: Emercoin 0.8.6, emcdns.cpp; unlike there, changed rules count at once,
and patterns are run by google-re2, which takes linear time whatever they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import re2

from nvs.formats.draft import Draft, finish
from nvs.formats.enumer import read_enumer
from nvs.names import enumer_nvs_name
from nvs.naptr_text import shown
from nvs.number_record import ENUMER_DEFAULT_TTL, ParsedEntry, Problem

MAX_RULES = 1000
"""Rules read; each costs up to 64 KiB of memory and is tried with every unknown number."""

_BEFORE_ZERO = bytes(range(ord("0")))
_PATTERN_MEMORY = 1 << 16


@dataclass(frozen=True, slots=True)
class TollFreeRule:
    """One pattern, compiled, and the lines below it.

    Attributes:
        line: where the rule starts, counted from 1.
        services: its `E2U` lines as octets, by line number.
    """

    line: int
    pattern: re2._Regexp
    services: dict[int, bytes] = field(default_factory=dict)

    def answer(self, digits: str, name: str) -> ParsedEntry | None:
        """What the rule says about a number; None when it does not match or has no valid service.

        Args:
            name: where the rules come from, the entry's name.
        """
        if self.pattern.fullmatch(digits) is None:
            return None
        draft = Draft()
        read_enumer(b"\n".join(self.services.values()), draft)
        # Back-references stand for the number asked, so it is read as that number's own.
        parsed = finish(enumer_nvs_name(digits, 0), draft, ENUMER_DEFAULT_TTL)
        if not parsed.services:
            return None
        lines = {f"line {at}": f"line {line}" for at, line in enumerate(self.services, start=1)}
        problems = tuple(
            replace(problem, field=lines.get(problem.field, problem.field))
            for problem in parsed.problems
        )
        return replace(parsed, name=name, problems=problems)


@dataclass(frozen=True, slots=True)
class TollFreeRules:
    """A whole list of rules; `problems` says what was left out."""

    rules: tuple[TollFreeRule, ...] = ()
    problems: tuple[Problem, ...] = ()

    def answer(self, digits: str, name: str) -> ParsedEntry | None:
        """The first rule's word that has one, TTL 86400 seconds."""
        answers = (rule.answer(digits, name) for rule in self.rules)
        return next((answer for answer in answers if answer is not None), None)


def parse_tollfree(value: bytes) -> TollFreeRules:
    """Read rules. Never raises: a bad one is skipped with its lines, and is a problem."""
    rules: list[TollFreeRule] = []
    problems: list[Problem] = []
    current: TollFreeRule | None = None
    skipped = False
    for number, line in _lines(value):
        where = f"line {number}"
        if line.startswith(b"="):
            if len(rules) >= MAX_RULES:
                problems.append(Problem(where, f"more than {MAX_RULES} rules, the rest is unread"))
                break
            current, skipped = None, True
            try:
                current = TollFreeRule(number, _compiled(line[1:].strip()))
            except ValueError as error:
                problems.append(Problem(where, f"rule skipped: {error}"))
            else:
                rules.append(current)
        elif line[:3].upper() == b"E2U":
            if current is not None:
                current.services[number] = line
            elif not skipped:
                problems.append(Problem(where, "a service before the first rule, ignored"))
        else:
            problems.append(Problem(where, f"{shown(line)[1:]} is no rule and no service, ignored"))
    return TollFreeRules(tuple(rules), tuple(problems))


def _lines(value: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines that say something, with their numbers; LF or CR ends one."""
    text = value.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for number, line in enumerate(text.split(b"\n"), start=1):
        if line and line[0] not in _BEFORE_ZERO:
            yield number, line


def _compiled(pattern: bytes) -> re2._Regexp:
    """Compile with little memory.

    Raises:
        ValueError: empty, not ASCII, not compilable, or needing too much memory.
    """
    if not pattern or not pattern.isascii():
        raise ValueError("the pattern is empty or not ASCII")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        return re2.compile(pattern.decode(), options=options)
    except re2.error:
        raise ValueError(f"the pattern does not compile: {shown(pattern)[1:]}") from None
