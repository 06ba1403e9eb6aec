"""A whole store as a stream, from any kind into any other: documents, and every address with all its events."""
