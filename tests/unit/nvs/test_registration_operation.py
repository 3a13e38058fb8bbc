"""Operations: limits, RPC parameters, shell lines that a shell really reproduces, previews."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvs.lint import Finding, Severity
from nvs.registration import (
    MAX_DAYS,
    InvalidRegistration,
    Kind,
    Operation,
    RegistrationRefused,
    command_line,
    preview,
    shell_lines,
)

NAME = "enum:14155551234:0"
E164 = "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
ADDRESS = "emrt1q72gq6s3wn3uwk6vkfetcpekqtjth9ms74lvugw"
SIP = b"E2U+sip=100|10|!^.*$!sip:a@b!"


def test_parameters_pass_hex_and_never_a_file() -> None:
    assert Operation(Kind.NEW, NAME, b"\xff\n", 2).parameters == (NAME, "ff0a", 2, "", "hex")
    moved = Operation(Kind.UPDATE, NAME, b"v", address=ADDRESS)
    assert moved.parameters == (NAME, "76", 0, ADDRESS, "hex")
    assert Operation(Kind.DELETE, NAME).parameters == (NAME,)


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ((Kind.NEW, "", b"v", 1), "name"),
        ((Kind.NEW, "enum:a b", b"v", 1), "name"),
        ((Kind.NEW, "enum:\xe9", b"v", 1), "name"),
        ((Kind.NEW, "x" * 513, b"v", 1), "name"),
        ((Kind.NEW, NAME, b"", 1), "value"),
        ((Kind.NEW, NAME, b"v" * 20481, 1), "value"),
        ((Kind.NEW, NAME, b"v", 0), "days"),
        ((Kind.UPDATE, NAME, b"v", -1), "days"),
        ((Kind.UPDATE, NAME, b"v", MAX_DAYS + 1), "days"),
        ((Kind.UPDATE, NAME, b"v", 0, "/etc/passwd"), "address"),
        ((Kind.DELETE, NAME, b"v"), "value"),
    ],
)
def test_limits(parts: tuple[object, ...], field: str) -> None:
    with pytest.raises(InvalidRegistration) as caught:
        Operation(*parts)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_the_limits_themselves_are_fine() -> None:
    assert Operation(Kind.NEW, "x" * 512, b"v" * 20480, MAX_DAYS).blocks == 175 * MAX_DAYS
    assert Operation(Kind.UPDATE, NAME, b"v", 0).blocks == 0


# Shell lines


def test_the_documented_line() -> None:
    value = b'{"voice":"sip:alice@domain.com","sms":"telnyx:+14155551234"}'
    assert shell_lines(Operation(Kind.NEW, E164, value, 365)) == (
        "emercoin-cli name_new 'enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa'"
        """ '{"voice":"sip:alice@domain.com","sms":"telnyx:+14155551234"}' 365""",
    )


def test_an_update_says_who_will_own_the_name() -> None:
    update = Operation(Kind.UPDATE, NAME, b"v", 3, ADDRESS)
    assert shell_lines(update) == (f"emercoin-cli name_update '{NAME}' 'v' 3 '{ADDRESS}'",)
    comment, line = shell_lines(Operation(Kind.UPDATE, NAME, b"v"))
    assert comment.startswith("# ")
    assert "fresh one" in comment
    assert line == f"emercoin-cli name_update '{NAME}' 'v' 0"
    assert shell_lines(Operation(Kind.DELETE, NAME)) == (f"emercoin-cli name_delete '{NAME}'",)


def test_values_that_are_no_plain_text_go_in_hex() -> None:
    line = command_line(Operation(Kind.NEW, NAME, b"\t\xff", 1))
    assert line == f"emercoin-cli name_new '{NAME}' '09ff' 1 '' hex"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An `emercoin-cli` that prints its arguments as JSON, in octets as hex."""
    path = tmp_path_factory.mktemp("bin") / "emercoin-cli"
    path.write_text(
        f"#!{sys.executable} -I\nimport json, os, sys\n"
        "print(json.dumps([os.fsencode(a).hex() for a in sys.argv[1:]]))\n"
    )
    path.chmod(0o755)
    return path


def arguments(program: Path, line: str, shell: str) -> list[bytes]:
    done = subprocess.run(
        [shell, "-c", line],
        env={"PATH": f"{program.parent}:/usr/bin:/bin"},
        capture_output=True,
        check=True,
        timeout=30,
    )
    return [bytes.fromhex(text) for text in json.loads(done.stdout)]


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(
    "value",
    [
        SIP + b"\nTTL=600",
        b"\n\nleading and trailing\n\n",
        b"it's $HOME `id` \\1 \"!!\" # * ? \\\\ '",
        b"''",
        b"-stdin",
    ],
)
def test_a_shell_hands_over_what_was_meant(program: Path, value: bytes, shell: str) -> None:
    for operation in (
        Operation(Kind.NEW, NAME, value, 365),
        Operation(Kind.UPDATE, NAME, value, 1),
        Operation(Kind.UPDATE, NAME, value, 1, ADDRESS),
    ):
        lines = "\n".join(shell_lines(operation))
        seen = arguments(program, lines, shell)
        wanted = [operation.kind.encode(), NAME.encode(), value, b"%d" % operation.days]
        assert seen == wanted + ([ADDRESS.encode()] if operation.address else [])


@given(st.binary(min_size=1, max_size=200))
def test_any_value_survives_the_quoting(value: bytes) -> None:
    words = command_line(Operation(Kind.NEW, NAME, value, 1)).split("'")
    if words[-1] == " hex":
        assert bytes.fromhex(words[3]) == value
    else:
        assert "'".join(words[3:-1]).replace("'\"'\"'", "'").encode() == value


# Previews


def test_a_preview_says_what_dns_will_answer() -> None:
    shown = preview(Operation(Kind.NEW, NAME, SIP + b"\nTTL=600", 365))
    assert shown.naptrs == ('100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .',)
    assert shown.ttl == 600
    assert shown.errors == ()
    shown.refuse_errors()
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert shown.ends_about(now=now) == datetime(2031, 3, 20, 13, 50, tzinfo=UTC)
    assert shown.ends_about(6, now) == datetime(2031, 3, 20, 14, 50, tzinfo=UTC)
    assert shown.ends_about() is not None
    assert preview(Operation(Kind.NEW, NAME, SIP, MAX_DAYS)).ends_about() is None


def test_errors_refuse() -> None:
    with pytest.raises(RegistrationRefused, match="line 1: regexp") as caught:
        preview(Operation(Kind.NEW, NAME, b"E2U+sip=1|1|nothing", 1)).refuse_errors()
    assert "more)" in str(caught.value)
    known = Finding("gap", Severity.ERROR, NAME, "name", "is never read")
    with pytest.raises(RegistrationRefused, match=r"is never read$"):
        preview(Operation(Kind.NEW, NAME, SIP, 1), [known]).refuse_errors()


def test_a_deletion_has_little_to_show() -> None:
    shown = preview(Operation(Kind.DELETE, NAME))
    assert (shown.findings, shown.naptrs, shown.ttl, shown.ends_about()) == ((), (), None, None)


def test_names_that_are_no_number() -> None:
    assert preview(Operation(Kind.NEW, "ver:x", b"a verifier", 1)).naptrs == ()
