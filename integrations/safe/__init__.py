"""Safe contracts: hashes, signatures, reads and simulations that need not trust the server they are read from."""
