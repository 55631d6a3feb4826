"""HTTP over a ledger, which anyone may read, and over an agent, for its owner alone."""
