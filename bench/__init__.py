"""Benchmarks: ours and the peer's in turn, in the same run, printed as ratios. Nothing here asserts a time."""
