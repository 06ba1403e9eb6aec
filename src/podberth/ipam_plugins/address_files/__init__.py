"""Addresses as files in a folder, as host-local keeps them: from which ranges, in what folder, and by which index."""
