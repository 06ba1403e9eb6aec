"""The resident agent, started and looked at from the command line."""
