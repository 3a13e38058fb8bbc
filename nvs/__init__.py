"""Emercoin name-value storage, as far as phone numbers are concerned."""
