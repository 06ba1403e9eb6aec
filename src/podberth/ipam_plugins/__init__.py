"""IPAM plugins of the CNI project, as drop-ins: a module for each type. Each keeps what it gave where others look."""
