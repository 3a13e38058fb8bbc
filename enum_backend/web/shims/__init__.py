"""Programs that send their SMS through `/shim/{program}/{token}`: one adapter a file."""
