"""Numbers for agents: a pool, leases, waiting for messages, one-time codes."""
