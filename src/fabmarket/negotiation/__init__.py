"""Sessions, legal moves and strategies: participants as pure steps over signed messages."""
