"""The embedded default: one file, WAL, on disk before it answers, no server."""
