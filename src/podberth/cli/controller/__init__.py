"""The commands of what runs once in a cluster."""
