"""A whole market on this machine, its node and agents processes that go on without us."""
