"""config/meshcentral works as it stands."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from meshcentral_plugin.config import render
from meshcentral_plugin.config.schema import read_schema
from tests.unit.meshcentral.configurations import SCHEMA, SHIM

RECIPES = Path(__file__).parents[3] / "config" / "meshcentral"
TEMPLATE = (RECIPES / "template.json").read_text("utf-8")
EXAMPLE = (RECIPES / ".env.example").read_text("utf-8")


def variables() -> dict[str, str]:
    found = dotenv_values(stream=io.StringIO(EXAMPLE), interpolate=False)
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize("shim_url", ["", SHIM])
def test_the_template_is_right_as_it_stands(shim_url: str) -> None:
    schema: dict[str, Any] | None = read_schema(SCHEMA) if SCHEMA.exists() else None
    url = "https://mesh.example.org/"
    made = render(TEMPLATE, variables(), shim_url=shim_url, schema=schema, url=url)
    assert made.errors == []
    assert made.translated == []
    assert made.document["settings"]["port"] == 4430
    assert made.document["domains"][""]["newAccounts"] is False
    assert set(made.document["sms"]) == {"provider", "url"}


def test_the_example_names_every_variable() -> None:
    known = set(re.findall(r"^#? ?([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    needed = set(re.findall(r"\$\{([A-Z_]+)\}", TEMPLATE))
    assert needed <= known
    assert {name for name in variables() if name.startswith("MESHCENTRAL_")} <= set(
        re.findall(r"\$\{([A-Z_]+)", TEMPLATE)
    )


def test_the_compose_file_uses_what_is_there() -> None:
    text = (RECIPES / "compose.yaml").read_text("utf-8")
    for name in (*re.findall(r"\./([A-Za-z.]+):", text), *re.findall(r"\S+\.Dockerfile", text)):
        assert (RECIPES / Path(name).name).exists(), name
    assert "--shim-base=http://enum-backend:8080" in text
    subnet = re.search(r"subnet: ([\d.]+)\.0/24", text)
    assert subnet is not None
    assert variables()["PROXY_ADDRESS"].startswith(f"{subnet[1]}.")


def test_the_proxies_let_nobody_name_an_address() -> None:
    """See `test_a_proxy_that_is_named` with a real MeshCentral."""
    assert "header_up -CF-Connecting-IP" in (RECIPES / "Caddyfile").read_text("utf-8")
    nginx = (RECIPES / "nginx.conf.example").read_text("utf-8")
    assert 'proxy_set_header CF-Connecting-IP "";' in nginx
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in nginx


def test_the_result_is_the_same_each_time() -> None:
    first, second = (render(TEMPLATE, variables()).text for _ in range(2))
    assert first == second
    assert json.loads(first)
