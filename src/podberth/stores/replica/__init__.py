"""A node's copy of a cluster's ledger and declarations, in SQLite: it proposes, while the cluster's store decides.

Whatever the node's own store does with an address is done here too, by the same functions, in a transaction that is
rolled back; what it would have changed goes to the cluster's store as one atomic step. Nothing here talks to a network.
"""
