"""What callers may put into a message that people trust."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.agents.otp.webotp import bound_code
from enum_backend.errors import ValidationFailed
from enum_backend.verification import wording
from enum_backend.verification.model import Purpose
from enum_backend.verification.texts import Lines, load_texts

TEXTS = load_texts("", "en")


def refused(check: Callable[[str], str], text: str) -> str:
    with pytest.raises(ValidationFailed) as caught:
        check(text)
    (error,) = caught.value.errors
    assert error.field == check.__name__
    return error.message


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", ""),
        ("Example", "Example"),
        ("  My   App ", "My App"),
        ("Müller & Söhne", "Müller & Söhne"),
        ("L’Été", "L'Été"),
        ("Cafe\u0301", "Café"),
        ("微信", "微信"),
        ("Web 2.0", "Web 2.0"),
        ("App!", "App!"),
        ("Studio 54", "Studio 54"),
        ("x" * 30, "x" * 30),
    ],
)
def test_names(text: str, name: str) -> None:
    assert wording.app_name(text) == name


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\nb", "line break"),
        ("a\rb", "line break"),
        ("a\u2028b", "line break"),
        ("a\x00b", "invisible"),
        ("a\u202eb", "invisible"),
        ("a\u200bb\u2066", "invisible"),
        ("x" * 31, "has 31 characters"),
        ("evil.example", "looks like an address"),
        ("www.evil", "looks like an address"),
        ("https://x", "looks like an address"),
        ("go to bit.ly/x", "looks like an address"),
        ("mail@x", "looks like an address"),
        ("@x #123", "looks like an address"),
        ("<a>", "looks like an address"),
        ("Code 999999", "digits that look like a code"),
        ("9 9-9 9", "digits that look like a code"),
        ("١٢٣٤", "digits that look like a code"),
    ],
)
def test_names_that_could_deceive(text: str, why: str) -> None:
    assert why in refused(wording.app_name, text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example.org", "example.org"),
        ("Example.ORG.", "example.org"),
        (" example.org ", "example.org"),
        ("login.sub-domain.example.org", "login.sub-domain.example.org"),
        ("can-contain-number-9870.example", "can-contain-number-9870.example"),
        ("localhost", "localhost"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_domains(text: str, name: str) -> None:
    assert wording.domain(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org",
        "//example.org",
        "example.org/",
        "example.org/path",
        "example.org:8443",
        "localhost:8080",
        "user@example.org",
        "example.org #1",
        "example.org\n@evil.example",
        "example.org\t",
        "exa mple.org",
        "example..org",
        ".example.org",
        "-example.org",
        "example-.org",
        "exa_mple.org",
        "example",
        "",
        ".",
        "192.0.2.1",
        "[2001:db8::1]",
        "%65xample.org",
        "a" * 64 + ".org",
        ".".join(["a" * 60] * 5),
        "\u202eexample.org",
        "ex\u0661mple.\u0661",
        "?.example",
        "^.example",
    ],
)
def test_what_is_no_domain(text: str) -> None:
    if text == "example.org\t":
        assert wording.domain(text) == "example.org"
        return
    assert "expected a domain such as example.org" in refused(wording.domain, text)


@given(st.text(max_size=40))
def test_whatever_passes_makes_one_last_line(text: str) -> None:
    """A domain that is taken is read back from the message by a strict reader."""
    try:
        domain = wording.domain(text)
    except ValidationFailed:
        return
    message = TEXTS.text(Purpose.CUSTOM, "en", "493817", Lines("Example", domain))
    assert message.split("\n")[1:] == [f"@{domain} #493817"]
    assert bound_code(message) == "493817"
    assert domain.isascii()
    assert domain == domain.lower()


@given(st.text(max_size=40))
def test_whatever_name_passes_stays_on_its_line(text: str) -> None:
    try:
        name = wording.app_name(text)
    except ValidationFailed:
        return
    message = TEXTS.text(Purpose.CUSTOM, "en", "493817", Lines(name, "example.org"))
    assert message.splitlines()[1:] == ["@example.org #493817"]
    assert "#" not in message.splitlines()[0]


@pytest.mark.parametrize("text", ["FA+9qCX9VSu", "abcdefghijk", "0123456789/"])
def test_hashes_of_apps(text: str) -> None:
    assert wording.android_hash(text) == text


@pytest.mark.parametrize("text", ["", "short", "FA+9qCX9VSu=", "FA+9qCX9VS\n", "FA 9qCX9VSu"])
def test_what_is_no_hash(text: str) -> None:
    assert "11 characters" in refused(wording.android_hash, text)


@pytest.mark.parametrize(
    ("text", "tag"), [("de", "de"), ("pt_BR", "pt-BR"), ("zh-Hant", "zh-Hant")]
)
def test_locales(text: str, tag: str) -> None:
    assert wording.locale(text) == tag


@pytest.mark.parametrize("text", ["", "d", "deutsch", "de-", "de DE", "de;q=1", "../x"])
def test_what_is_no_locale(text: str) -> None:
    assert "such as de or pt-BR" in refused(wording.locale, text)


def test_subjects() -> None:
    assert wording.subject("user_1") == "user_1"
    for bad in ("", "a b", "ü", "a\n", "x" * 129):
        assert "1 to 128" in refused(wording.subject, bad)
