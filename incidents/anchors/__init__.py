"""Where the end of the ledger's chain is written down outside this database."""
