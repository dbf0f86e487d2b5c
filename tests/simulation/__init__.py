"""The lease in virtual time: real code; simulated clocks, store, network, and ill luck."""
