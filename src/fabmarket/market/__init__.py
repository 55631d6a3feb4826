"""What can be said and what follows from it: units, messages, trades, and the contract's twin."""
