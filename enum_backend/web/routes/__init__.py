"""The HTTP paths, one module per area."""
