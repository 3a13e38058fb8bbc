"""Numbers at the providers: search, buy, list, release, line type; one file per provider."""
