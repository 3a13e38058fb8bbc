"""MeshCentral: its SMS through us. An extension of enum_backend, found by entry point."""
