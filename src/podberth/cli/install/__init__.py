"""The commands that put podberth onto a host which has no Python: run in a container, on the host's mounted folders."""
