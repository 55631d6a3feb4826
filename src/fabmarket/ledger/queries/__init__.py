"""Questions to a ledger, one file a subject: a page of rows at a time.

Each takes a connection first and reads nothing else, in SQLite and PostgreSQL alike. Rows are
frozen; addresses and hashes are text as JSON has them, times seconds of chain time, money base
units of a token.
"""
