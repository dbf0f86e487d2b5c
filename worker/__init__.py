"""One WhatsApp account: its connection, its session file, and its link to the supervisor."""
