"""An existing MeshCentral installation, examined: its configuration and the way of its SMS."""

from meshcentral_plugin.doctor.installation import examine_installation

__all__ = ["examine_installation"]
