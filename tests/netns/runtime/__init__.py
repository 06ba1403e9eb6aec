"""The runtime library as its documentation shows it, with real plugins in real namespaces."""
