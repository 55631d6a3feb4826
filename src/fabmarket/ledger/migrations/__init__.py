"""How the tables of a ledger came to be, step by step: each moves a database forward by one."""
