"""The extractors that are compared: ours, the first digits, and two published ones."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from enum_backend.agents.otp import extract_otp_from_sms

Answers = list[str | None]
NPM_PACKAGE = "parse-otp-message@1.0.2"
CACHE = Path(__file__).resolve().parents[3] / "build" / "otp-npm"
_FIRST_DIGITS = re.compile(r"(?<!\d)\d{4,8}(?!\d)")

# All messages at once: starting the program would be what is measured.
_NODE = """
const parse = require('parse-otp-message');
const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const codes = texts.map((text) => {
  try { const found = parse(text); return found ? String(found.code) : null; }
  catch (error) { return null; }
});
process.stdout.write(JSON.stringify(codes));
"""


def ours(texts: Sequence[str]) -> Answers:
    """`enum_backend.agents.otp`."""
    return [extract_otp_from_sms(text).code for text in texts]


def first_digits(texts: Sequence[str]) -> Answers:
    """The first 4 to 8 digits, which is what most programs do."""
    found = (_FIRST_DIGITS.search(text) for text in texts)
    return [match[0] if match else None for match in found]


def otp_message_extractor(texts: Sequence[str]) -> Answers:
    """PyPI `otp-message-extractor`."""
    from otp_message_extractor import extract_otp

    found = (extract_otp(text) for text in texts)
    return [None if one is None else one["code"] for one in found]


def parse_otp_message(texts: Sequence[str]) -> Answers:
    """npm `parse-otp-message`, in one process.

    Raises:
        LookupError: npm or node is missing, or the package could not be fetched; says which.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise LookupError("node and npm are not installed")
    if not (CACHE / "node_modules" / "parse-otp-message").is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        fetched = subprocess.run(
            [npm, "install", "--prefix", CACHE, "--no-audit", "--no-fund", "--ignore-scripts",
             NPM_PACKAGE],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        if fetched.returncode:
            raise LookupError("npm could not fetch it")
    done = subprocess.run(
        [node, "-e", _NODE],
        input=json.dumps(list(texts)), cwd=CACHE,
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return list(json.loads(done.stdout))


EXTRACTORS: dict[str, Callable[[Sequence[str]], Answers]] = {
    "enum-backend": ours,
    "first 4-8 digits": first_digits,
    "otp-message-extractor": otp_message_extractor,
    "parse-otp-message": parse_otp_message,
}


def answers(texts: Sequence[str]) -> dict[str, Answers]:
    """What each extractor says to each text; one that cannot run is named and left out."""
    found = {}
    for name, extractor in EXTRACTORS.items():
        try:
            found[name] = extractor(texts)
        except (LookupError, ImportError, subprocess.TimeoutExpired) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found
