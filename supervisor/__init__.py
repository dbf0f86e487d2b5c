"""The lease, the fleet of workers, the store, and the HTTP API around them."""
