"""The resident process of a node."""
