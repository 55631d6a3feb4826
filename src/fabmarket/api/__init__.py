"""HTTP over ledger (read) and node (act); the dashboard."""
