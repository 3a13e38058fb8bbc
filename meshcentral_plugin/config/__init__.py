"""MeshCentral's config.json: made from a template, and kept from failing open."""

from meshcentral_plugin.config.findings import ConfigFinding, Kind
from meshcentral_plugin.config.rendering import Rendered, examine, render
from meshcentral_plugin.config.traps import TRAPS

__all__ = ["TRAPS", "ConfigFinding", "Kind", "Rendered", "examine", "render"]
