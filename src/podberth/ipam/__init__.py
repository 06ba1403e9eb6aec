"""Pools, leases, reservations and the ledger's protocol. Pure: stores keep it, this room says what it means."""
