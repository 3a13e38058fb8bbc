"""Secrets that must not be committed, found with detect-secrets and detectors of our own."""
