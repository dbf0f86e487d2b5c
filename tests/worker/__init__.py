"""Unit tests of the worker, mirroring its rooms."""
