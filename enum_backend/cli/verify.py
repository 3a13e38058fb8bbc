"""`enum-backend verify start|check|stats`: codes through the running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from enum_backend.cli.common import ask_server, common_options, reports_errors, show
from enum_backend.verification.model import Purpose


@click.group()
def verify() -> None:
    """Verification codes."""


@verify.command()
@click.argument("to", required=False)
@click.option(
    "--purpose",
    type=click.Choice([purpose.value for purpose in Purpose], case_sensitive=False),
    default=Purpose.PHONE_VERIFICATION.value,
    show_default=True,
    help="What the code proves.",
)
@click.option("--app-name", help="Name before the text.")
@click.option("--locale", help="Language, such as pt-BR.")
@click.option("--domain", help="Site that may read the code (WebOTP).")
@click.option("--android-hash", help="Android app that may read it: 11 characters.")
@click.option("--subject", help="Whom it is for; the check must name the same.")
@click.option("--preview", is_flag=True, help="Only show the text with its segments.")
@common_options
@reports_errors
def start(
    to: str | None,
    purpose: str,
    preview: bool,
    config_file: Path | None,
    as_json: bool,
    **wording: str | None,
) -> None:
    """Send a code to the number TO; once more within its life: the same code."""
    body: dict[str, Any] = {"purpose": purpose.upper()}
    body |= {name: value for name, value in wording.items() if value is not None}
    if preview:
        body.pop("subject", None)
        answer = ask_server(config_file, as_json, "POST", "/verify/preview", body)
        show(answer, as_json, lambda: _preview(answer))
        return
    if to is None:
        raise click.UsageError("Missing argument 'TO'.")
    answer = ask_server(config_file, as_json, "POST", "/verify/start", body | {"to": to})
    show(answer, as_json, lambda: _started(answer))


@verify.command()
@click.argument("verification_id")
@click.argument("code", required=False)
@click.option("--subject", help="Whom it was for.")
@common_options
@reports_errors
def check(
    verification_id: str,
    code: str | None,
    subject: str | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Use a code up; without CODE it is asked for and stays out of the shell's history."""
    typed = code if code is not None else click.prompt("Code", hide_input=True, err=True)
    body = {"verification_id": verification_id, "code": typed}
    if subject is not None:
        body["subject"] = subject
    answer = ask_server(config_file, as_json, "POST", "/verify/check", body)
    show(answer, as_json, lambda: str(answer["status"]))


@verify.command()
@click.option("--tenant", help="Only this tenant's.")
@common_options
@reports_errors
def stats(tenant: str | None, config_file: Path | None, as_json: bool) -> None:
    """What verification did in the last 24 hours."""
    query = {} if tenant is None else {"tenant": tenant}
    answer = ask_server(config_file, as_json, "GET", "/verify/stats", query=query)
    show(answer, as_json, lambda: _stats(answer))


def _started(answer: dict[str, Any]) -> str:
    return (
        f"{answer['verification_id']}  {answer['status']}, expires {answer['expires_at']}, "
        f"again from {answer['resend_at']}"
    )


def _preview(answer: dict[str, Any]) -> str:
    facts = f"{answer['segments']} segment(s) {answer['encoding']}, {answer['locale']}"
    return f"{answer['text']}\n({facts})"


def _stats(answer: dict[str, Any]) -> str:
    lines = [f"{'':20}{'started':>9}{'hour':>7}{'sent':>7}{'verified':>10}{'rate':>8}"]
    for name, item in (*answer["by_purpose"].items(), ("all", answer)):
        rate = item["success_rate"]
        shown = "-" if rate is None else f"{rate:.1%}"
        lines.append(
            f"{name:20}{item['started']:>9}{item['started_hour']:>7}{item['sent']:>7}"
            f"{item['verified']:>10}{shown:>8}"
        )
    verdicts = answer["verdicts"]
    told = ", ".join(f"{verdict} {number}" for verdict, number in sorted(verdicts.items()))
    return "\n".join([*lines, f"fraud guard: {told or 'nothing asked for'}"])
