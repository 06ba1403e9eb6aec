"""How a test starts a server of its own: none is left when the test's process is killed, none is short of memory."""

from __future__ import annotations

# prctl(2), PR_SET_PDEATHSIG: the kernel kills it when the thread that started it ends. Servers are started by threads
# that live as long as they do: a test's own.
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
# For Go's servers: they collect garbage a quarter as often as by default, for processor time (Go's package runtime).
SELDOM_COLLECTING = {"GOGC": "400"}
