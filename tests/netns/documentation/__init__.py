"""The commands of the pages, run as they are written."""
