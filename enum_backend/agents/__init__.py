"""Numbers for agents: leases, waiting for messages, one-time codes."""
