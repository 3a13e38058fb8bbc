"""Everything that is wrong with the gateways is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from enum_backend.errors import SettingsError
from enum_backend.settings import load_settings
from enum_backend.setup.gateways import build_pool


def test_all_gateways_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        """
        [gateways.telnyx]
        api_key = "KEY_fake"
        colour = "red"
        shape = "round"
        [gateways.simulator]
        [gateways.odd]
        provider = "nobody"
        [gateways.named]
        provider = "telnyx"
        name = "x"
        """
    )
    with pytest.raises(SettingsError) as refused:
        build_pool(load_settings(path, environment={}))
    said = str(refused.value).split("; ")
    for start in (
        "gateways.telnyx: colour: ",
        "gateways.telnyx: shape: ",
        "gateways.simulator: this name is taken",
        "gateways.odd: ",
        "gateways.named: name: unknown option",
    ):
        assert sum(item.startswith(start) for item in said) == 1, said
