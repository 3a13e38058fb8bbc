"""`opt-outs list|add|remove`, and what `explain` says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.conftest import Invoke, document

ANN = "+14155550134"


def test_add_list_remove(invoke: Invoke, config: str) -> None:
    options = ("--config", config)
    added = invoke("opt-outs", "add", "(415) 555-0134", *options).stdout
    assert added == f"{ANN} is opted out\n"
    again = document(invoke("opt-outs", "add", ANN, "--json", *options))
    assert again == {"success": True, "changed": False}
    invoke("opt-outs", "add", ANN, "--from", "+15550100001", "--tenant", "acme", *options)
    assert invoke("opt-outs", "list", *options).stdout.startswith(f"{ANN}  from *  manual")
    (entry,) = document(invoke("opt-outs", "list", "--json", *options))["opt_outs"]
    assert (entry["sender"], entry["tenant"]) == ("*", "default")
    listed = document(invoke("opt-outs", "list", "--tenant", "acme", "--json", *options))
    assert [item["sender"] for item in listed["opt_outs"]] == ["+15550100001"]
    arguments = ("opt-outs", "list", "--recipient", "+14155550199", "--json", *options)
    assert document(invoke(*arguments)) == {"opt_outs": []}
    assert invoke("opt-outs", "remove", ANN, *options).stdout == f"{ANN} may be sent to\n"
    gone = document(invoke("opt-outs", "remove", ANN, "--json", *options, code=1))
    assert gone["error_code"] == "NOT_FOUND"


def test_wrong_use(invoke: Invoke, config: str) -> None:
    options = ("--json", "--config", config)
    for arguments in (("add", "12"), ("remove", "12"), ("add", ANN, "--from", "12")):
        answer = document(invoke("opt-outs", *arguments, *options, code=1))
        assert answer["error_code"] == "INVALID_PHONE_FORMAT"
    invoke("opt-outs", "add", code=2)


@pytest.fixture
def two(config: str) -> str:
    """Two gateways, cheapest first, and what nobody may be sent."""
    path = Path(config)
    path.write_text(
        path.read_text()
        + """
[routing]
strategy = "least_cost"
[policy]
countries = ["US"]
[gateways.one]
provider = "telnyx"
api_key = "KEYtest"
from = "+15550100001"
price = "0.0300"
[gateways.two]
provider = "telnyx"
api_key = "KEYtest"
from = "+15550100002"
price = "0.0100"
"""
    )
    return config


def test_explain_prints_every_rule(invoke: Invoke, two: str) -> None:
    options = ("--config", two)
    invoke("opt-outs", "add", ANN, "--from", "+15550100001", *options)
    text = invoke("explain", ANN, "--message", "“Hi”", *options).stdout
    for line in (
        "  * default   no other rule applies",
        "    sticky    off",
        "  * strategy  least_cost: two 0.0100, one 0.0300 (USD a segment)",
        "    health    no gateway of the chain is broken",
        "    policy    the destination may be sent to",
        "  * opt-out   opted out of the numbers of one: left out",
        "  chain     two (+15550100002)",
        "  text      UCS-2, 1 segment(s)",
        "  UCS-2 by  “ ”",
        '  plain     GSM-7, 1 segment(s), if transliterated: “ -> ", ” -> "',
        "  cost      0.0100 USD",
        "  limit     per_recipient_hour: 0 of 5 used, 5 left",
    ):
        assert line in text.splitlines(), text
    assert "refused" not in text
    invoke("opt-outs", "add", ANN, *options)
    text = invoke("explain", ANN, "--message", "“Hi”", "--transliterate", *options).stdout
    assert "  refused   OPTED_OUT: The recipient wants no messages from this sender." in text
    assert "sent so: " in text
    text = invoke("explain", "+447700900123", "--code", *options).stdout
    assert "  refused   FORBIDDEN: Messages to numbers of GB are not allowed here." in text


def test_explain_for_a_tenant(invoke: Invoke, two: str) -> None:
    options = ("--json", "--config", two)
    invoke("opt-outs", "add", ANN, "--tenant", "acme", *options)
    mine = document(invoke("explain", ANN, "--tenant", "acme", *options))
    assert [item["error_code"] for item in mine["refusals"]] == ["OPTED_OUT"]
    assert document(invoke("explain", ANN, *options))["refusals"] == []
