"""What each viewer of a run learns: attacks with just what it has, each beside its control."""
