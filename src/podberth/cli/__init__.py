"""The command line: podberth."""
