"""Unit tests of `worker.wire`."""
