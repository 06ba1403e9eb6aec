"""The VM as the one node of a cluster, whose control plane runs outside of it (tests/vm/control.py)."""
