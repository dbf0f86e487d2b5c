"""The unit under a real systemd and journald, booted for the tests in namespaces of its own."""
