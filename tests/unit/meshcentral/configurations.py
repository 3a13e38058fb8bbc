"""Configurations of MeshCentral to change one thing in."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from meshcentral_plugin.config import Rendered, render

SCHEMA = Path(__file__).parents[4] / "shared" / "meshcentral" / "meshcentral-config-schema.json"
SHIM = "https://sms.example.org/meshcentral/sms/TOKEN?phone={{phone}}&message={{message}}"
GOOD: dict[str, Any] = {
    "settings": {"cert": "mesh.example.org", "plugins": {"enabled": True}},
    "domains": {"": {"title": "Mesh"}},
    "sms": {"provider": "url", "url": "https://sms.example.org/?to={{phone}}&text={{message}}"},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """GOOD with one value set; `/` between the steps."""
    document = copy.deepcopy(GOOD)
    *steps, last = path.split("/")
    inner = document
    for step in steps:
        inner = inner.setdefault(step, {})
    inner[last] = value
    return document


def made(document: dict[str, Any], **options: Any) -> Rendered:
    return render(json.dumps(document), {}, **options)
