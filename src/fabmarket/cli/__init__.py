"""The terminal front of the market."""
