"""How a test starts a server of its own, so that none is left when the test's process is killed."""

from __future__ import annotations

# prctl(2), PR_SET_PDEATHSIG: the kernel kills it when the thread that started it ends. Servers are started by threads
# that live as long as they do: a test's own.
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
