"""What supervisor and worker must agree on: no network, no store, no import of either."""
