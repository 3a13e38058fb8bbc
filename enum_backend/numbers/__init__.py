"""Numbers: what kind they are, what they cost, and which of them are ours."""
