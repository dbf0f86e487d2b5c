"""Tests against clients that nobody here wrote (Baileys, its Rust bridge, whatsmeow)."""
