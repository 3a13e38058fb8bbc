"""What the fault tests share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.faults.ledger import Books
from tests.acceptance.faults.storms import Length, length


@pytest.fixture
def soak() -> Length:
    """How long and how hard."""
    return length()


@pytest.fixture
def close_books(record_property: Callable[[str, object], None]) -> Callable[[Books], None]:
    """Keep a ledger for the end of the run, and check it."""

    def close(books: Books) -> None:
        record_property("ledger", str(books))
        books.check()

    return close
