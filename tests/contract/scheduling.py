"""Which worker of pytest-xdist runs which test of this tier."""

from __future__ import annotations

from tests import scheduling

# Folders whose tests share one API server, which none of the others uses: one worker runs all tests of a folder.
ONE_SERVER = ("tests/contract/control/", "tests/contract/install/")


class Scheduling(scheduling.Scheduling):
    """A worker takes one of these folders as a whole, else test by test: a server is started by all that need it."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in ONE_SERVER if nodeid.startswith(folder)), nodeid)
