"""Which worker of pytest-xdist runs which test, in tiers where some tests have to stay together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdist.scheduler.loadscope import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController


class Scheduling(LoadScopeScheduling):
    """A worker takes a scope as a whole. A tier says in `_split_scope` which scope a test is in.

    The marks `xdist_group` would say so too, but xdist 3.8 does not see them under pytest 9.2.
    """

    def remove_node(self, node: WorkerController) -> str | None:
        """Give what a worker had left to the others; return the test at which it died, if it did.

        xdist's own would run that test again: it would kill the worker that comes instead, and so on for ever.
        """
        workload = self.assigned_work.pop(node)
        left = [(unit, test) for unit in workload.values() for test, ended in unit.items() if not ended]
        if not left:
            return None
        unit, fatal = left[0]
        unit[fatal] = True
        self.workqueue.update({scope: unit for scope, unit in workload.items() if not all(unit.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return fatal
