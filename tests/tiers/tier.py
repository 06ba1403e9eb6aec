"""Which tiers there are, and how each is run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One folder of tests. `workers` run its tests side by side; 0: one after another, in pytest's own process.

    `silence` is how many seconds may pass without a test's result before the tier counts as hanging; with long counts
    one test takes as long as many. `niceness` is its place among the tiers, as nice(1) counts; `realtime` puts it
    before all of them: sched(7), SCHED_RR.
    """

    name: str
    folder: str
    workers: int = 0
    silence: int = 600
    niceness: int = 0
    realtime: bool = False
    needs_root: bool = True
    soaks: bool = False  # whether it has tests with long counts

    def patience(self, *, soaking: bool) -> int:
        """Return `silence`, or in a run with long counts what takes its place, in seconds."""
        return self.silence * 6 if soaking else self.silence


# A lane runs its tiers one after another; the lanes run side by side. The VM computes on one core all the time, and
# wakes up often: whatever its niceness, each time it would wait for the end of another process's turn. The netns tier
# mostly waits, and goes before the contracts, whose servers compute. The unit tier takes what they leave. The runtime
# tier has one test at a time, and waits for its daemons. The image's node does not begin beside the VM: processes in
# its pods would have the least of a processor, and probes would have them killed.
LANES: tuple[tuple[Tier, ...], ...] = (
    (Tier(name="runtime", folder="tests/runtime", niceness=-10, soaks=True),),
    (Tier(name="unit", folder="tests/unit", workers=2, needs_root=False, soaks=True),),
    (Tier(name="contract", folder="tests/contract", workers=2, silence=1200, niceness=-4, soaks=True),),
    (Tier(name="netns", folder="tests/netns", workers=6, silence=1200, niceness=-8, soaks=True),),
    (
        Tier(name="vm", folder="tests/vm", silence=1200, niceness=-15, realtime=True, soaks=True),
        Tier(name="image", folder="tests/image", silence=1200, niceness=-10, soaks=True),
    ),
)
TIERS = {tier.name: tier for lane in LANES for tier in lane}
