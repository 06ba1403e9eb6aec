"""Nodes whose ledger is in a cluster's store, with real pods on a real kernel."""
