"""The Safe Transaction Service's own REST API, for registered Safes: clients that speak it work here unmodified."""
