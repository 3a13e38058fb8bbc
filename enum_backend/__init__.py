"""ENUM answers and SMS routing from phone-number records on the Emercoin blockchain."""

from importlib.metadata import version

__version__ = version("enum-backend")
