"""Tests of the Signal sessions and sender keys."""
