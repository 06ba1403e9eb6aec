"""The embedded default: one file, WAL, full synchronous, no server."""
