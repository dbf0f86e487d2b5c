"""The session file, against real files on a real disk."""
