"""A node that a release left behind, served by the present code: its store, its records, its runs."""
