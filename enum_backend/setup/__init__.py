"""Parts of a server, made from settings; `enum_backend.app` puts them together."""
