"""Tests: they may import every package; the packages import nothing from here."""
