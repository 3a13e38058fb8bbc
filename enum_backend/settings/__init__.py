"""Settings: what may be set, where it came from, and the mode that follows from it."""

from enum_backend.settings.loader import LoadedSettings, load_settings
from enum_backend.settings.models import Settings

__all__ = ["LoadedSettings", "Settings", "load_settings"]
