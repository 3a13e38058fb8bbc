"""Our message id in the address of a report."""

from __future__ import annotations

import pytest

from enum_backend.gateways.report_url import own_id_in, with_own_id


@pytest.mark.parametrize(
    ("url", "message_id", "result"),
    [
        ("https://a.example.org/x", "msg_1", "https://a.example.org/x?message_id=msg_1"),
        (
            "https://a.example.org/x?b=1#rc=3",
            "m-1",
            "https://a.example.org/x?b=1&message_id=m-1#rc=3",
        ),
        ("https://a.example.org/x", "é", "https://a.example.org/x"),
        ("https://a.example.org/x", "a b", "https://a.example.org/x"),
        ("https://a.example.org/x", "x" * 129, "https://a.example.org/x"),
        ("", "msg_1", ""),
    ],
)
def test_address(url: str, message_id: str, result: str) -> None:
    assert with_own_id(url, message_id) == result


def test_id_comes_back() -> None:
    assert own_id_in([("message_id", "evil"), ("message_id", "msg_1")]) == "msg_1"
    assert own_id_in([("message_id", "msg 1")]) is None
    assert own_id_in([]) is None
