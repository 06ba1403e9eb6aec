"""The conformance suite on real plugins: ours pass, Go's fail what the documentation lists, every check can fail."""
