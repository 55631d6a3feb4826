"""One file for each concept: from a game to its price and quantities."""
