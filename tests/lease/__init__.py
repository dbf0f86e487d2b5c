"""The lease's decisions, one by one; hours of them together are in tests/simulation."""
