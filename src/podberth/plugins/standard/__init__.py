"""Plugins of the CNI project, as drop-ins: a module for each type. They are installed only when asked for. Pure."""
