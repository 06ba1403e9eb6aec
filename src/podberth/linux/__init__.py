"""Every system call on the node's network. Knows ops and steps, and nothing of plugins or stores."""
