"""The docs say what the code does: reference tables, links, examples, sample files."""

from __future__ import annotations

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from enum_backend.cli import cli
from enum_backend.extensions import load_extensions
from enum_backend.settings import load_settings
from nvs.formats import parse_entry
from nvs.lint import Severity, lint_entries
from nvs.records_json import parse_records

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"\[[^\]]+\]\((?!https?:)([^)#]+)")
COMMAND = re.compile(r"enum-backend ([a-z-]*[a-z])")


def test_reference_tables_are_current() -> None:
    script = ROOT / "scripts" / "reference_docs.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    added = (command.name for item in load_extensions() for command in item.commands())
    known = {*cli.commands, *added}
    for block in re.findall(r"```console\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        for name in COMMAND.findall(block):
            assert name in known, f"{page.name}: enum-backend {name}"


def test_python_examples_run() -> None:
    page = ROOT / "docs" / "reference" / "python.md"
    found = doctest.testfile(str(page), module_relative=False)
    assert found.attempted > 0
    assert found.failed == 0


def test_sample_records_are_clean_and_show_every_format() -> None:
    path = ROOT / "config" / "records.example.json"
    records = parse_records(path.read_bytes(), path.name)
    assert records.skipped == 0
    findings = [item for item in lint_entries(records.index) if item.severity is Severity.ERROR]
    assert findings == []
    formats = {parse_entry(entry.name, entry.value).format for entry in records.index}
    assert formats == {
        "enumer",
        "regexp",
        "voice-sms",
        "voice-sms-object",
        "flat",
        "naptr-rows",
        "superset",
    }


def test_sample_settings_load() -> None:
    load_settings(ROOT / "config" / "enum-backend.example.toml", environment={})


def test_readme_settings_load(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    path = tmp_path / "settings.toml"
    path.write_text(block, "utf-8")
    assert load_settings(path, environment={}).settings.nvs.source == "mirror"


def test_published_schema_is_json() -> None:
    path = ROOT / "nvs" / "schema" / "number-record.schema.json"
    assert json.loads(path.read_bytes())["$schema"].endswith("2020-12/schema")
