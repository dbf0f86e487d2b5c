"""Where accounts, conversations and the outbox are kept: the contract, and what fulfils it."""
