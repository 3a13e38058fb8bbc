"""A signature that may be the first owner's does not count for the next one."""

from __future__ import annotations

from typing import Any

import pytest

from nvs.errors import NvsUnavailable
from nvs.mirror import Past
from nvs.mirror.lapses import LapseLedger

NAME = "enum:14155551234:0"


class FakeReader:
    def __init__(self, past: Past | Exception | None) -> None:
        self._past = past

    def past(self, name: str) -> Past | None:
        assert name == NAME
        if isinstance(self._past, Exception):
            raise self._past
        return self._past


def seen(past: Past | Exception | None, registered_at: int | None = 300) -> Any:
    reader: Any = FakeReader(past)
    return LapseLedger(reader).first_seen(NAME, b"x" * 32, "second", registered_at)


def test_a_name_registered_anew_by_somebody_else() -> None:
    assert seen(Past("first", 100, "first", lapses=1, lapsed_at=300)) == ("first", 100)


@pytest.mark.parametrize(
    "past",
    [
        None,
        Past("first", 100, "first"),
        Past("first", 300, "first", lapses=1, lapsed_at=300),
        NvsUnavailable("not complete"),
    ],
)
def test_names_that_never_lapsed(past: Past | Exception | None) -> None:
    assert seen(past) is None
