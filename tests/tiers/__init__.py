"""The tiers of tests, and the runner that runs them side by side: `python -m tests.tiers`."""
