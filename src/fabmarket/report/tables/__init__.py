"""Tables of a ledger as files for other programs: CSV, JSON, Parquet, Excel and shells."""
