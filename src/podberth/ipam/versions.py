"""Which podberth a ledger is for: its minimum version, what is allowed from which version on, and who is older. Pure.

Agents of several releases work on one ledger. What an older one would misread is not written before the ledger's
minimum version says that no older one is there (docs/upgrade.md). `NEEDS` is the one table of that.
"""

from __future__ import annotations

from enum import StrEnum

from podberth import __version__
from podberth.cni.errors import Refused, StoreFailed
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

HERE = __version__  # the release that this code is, or will be
FIRST = "0.1.0"  # of a ledger that says nothing: agents of this release do not say their version
FRESH = 24 * 3600 * 10**9  # ns: how long a change by an older podberth counts as a sign that it still runs


class Feature(StrEnum):
    """What a ledger may have from some version on, as messages call it."""

    CORRECTIONS = "an event that corrects a clock"
    GRANTS = "a pool's rule with `macs` or `reservations`"
    CLUSTERS = "a second cluster"
    MACHINES = "a machine that is no Node of its Kubernetes"
    STICKY = "a pool's `stickyReservations`"
    GATEWAYS = "a gateway outside its subnet"
    AFFINITY = "a pool's `affinity`"
    GATEWAY_CHECK = "a pool's `gatewayCheck`"
    OWN_POOLS = "a pool of an application"
    PREFERENCE = "a PodNetwork with `pools`"
    RETENTION = "a word about for how long history is kept"
    PODNETWORKS_IN_FORCE = "what is in force of a PodNetwork in etcd"
    OPERATIONS = "an operation of more than one step"
    CLAIMS = "an address of an IPAMClaim"


NEEDS: Mapping[Feature, str] = {
    # 0.1.0 takes a correction for an event by which the address changes hands.
    Feature.CORRECTIONS: "0.2.0",
    # 0.1.0 can't read the Pool: it goes on with the one before, and a new node of 0.1.0 has none.
    Feature.GRANTS: "0.2.0",
    # As with a rule's new keys.
    Feature.STICKY: "0.2.0",
    # As with a rule's new keys.
    Feature.GATEWAYS: "0.2.0",
    # As with a rule's new keys: 0.1.0 would go on giving out by the text before, to anybody.
    Feature.AFFINITY: "0.2.0",
    # As with a rule's new keys.
    Feature.GATEWAY_CHECK: "0.2.0",
    # As with a rule's new keys: 0.1.0 would go on giving out what is set aside.
    Feature.OWN_POOLS: "0.2.0",
    # 0.1.0 can't read the PodNetwork: to it the pod is one that nobody declares, and gets what those get.
    Feature.PREFERENCE: "0.2.0",
    # 0.1.0 deletes nothing, and would not say what was deleted.
    Feature.RETENTION: "0.2.0",
    # 0.1.0 takes the owners of all clusters for one.
    Feature.CLUSTERS: "0.2.0",
    # 0.1.0 takes it for the PodNetwork itself, also when that is deleted.
    Feature.PODNETWORKS_IN_FORCE: "0.2.0",
    # 0.1.0 takes it for a Node that was deleted, and its addresses for free to move.
    Feature.MACHINES: "0.2.0",
    # 0.1.0 gives away an address that an operation has marked, and does not see what is committed.
    Feature.OPERATIONS: "0.2.0",
    # 0.1.0 takes a pod that has it for one that may not, and reads nothing of the store from then on.
    Feature.CLAIMS: "0.2.0",
}


@value
class Minimum:
    """The oldest podberth that may write into a ledger. `revision`: of where the store says so, 0 if it does not."""

    version: str = FIRST
    revision: int = 0


@value
class AgentVersion:
    """A node's agent said which version it is. `version`: '' if it did not; `revision`: the store's, when it did."""

    node: str
    version: str
    revision: int


@value
class NodeSigns:
    """What the ledger shows of a node. `leases`: how many it holds. `time` (ns) and `revision`: of the last change
    that it made with a podberth which did not say whether its clock was right, as 0.1.0 doesn't; 0 for none.
    """

    node: str
    leases: int = 0
    time: int = 0
    revision: int = 0


@value
class Older:
    """A node where an older podberth runs, or may: `why` is the sign."""

    node: str
    why: str


def number(version: str) -> tuple[int, ...]:
    """Return a version as numbers that sort. StoreFailed if it is none."""
    try:
        found = tuple(map(int, version.split(".")))
    except ValueError:
        found = ()
    if not 0 < len(found) <= 4 or min(found) < 0:
        raise StoreFailed(
            f"the ledger's minimum version: expected a version as {HERE}, got {version!a:.40}",
            "was it written by hand? `podberth store` shows where the ledger is",
        )
    return found


def allows(minimum: str, feature: Feature) -> bool:
    """Say whether a ledger with that minimum version may have it."""
    return number(minimum) >= number(NEEDS[feature])


def require(minimum: str, feature: Feature) -> None:
    """Raise Refused if a ledger with that minimum version may not have it."""
    if why := lacking(minimum, feature):
        raise Refused(why, "`podberth store upgrade` allows it, once no older agent is seen")


def lacking(minimum: str, feature: Feature) -> str:
    """Return why a ledger with that minimum version may not have it; '' if it may."""
    if allows(minimum, feature):
        return ""
    return (
        f"this ledger is for podberth {minimum} and later, and {feature} needs {NEEDS[feature]}:"
        " an older agent would misread it"
    )


def outgrown(minimum: str) -> str:
    """Return why this podberth may not write into a ledger with that minimum version; '' if it may."""
    if minimum == HERE or number(HERE) >= number(minimum):
        return ""
    return f"this ledger is for podberth {minimum} and later, and this is {HERE}"


UPGRADE = "install that version on this node; what is in the ledger can be read meanwhile"


def older(
    target: str, announced: Iterable[AgentVersion], traces: Iterable[NodeSigns], now: int, without: Collection[str] = ()
) -> tuple[Older, ...]:
    """Return the nodes where a podberth runs that is older than `target`, or may run, in order of name.

    A node that never said its version is taken for one of 0.1.0 while it holds a lease, or has changed something of
    late. `without`: nodes of which somebody knows better.
    """
    said = {one.node: one for one in announced}
    shown = {one.node: one for one in traces}
    nodes = sorted((said.keys() | shown.keys()) - set(without))
    found = ((node, _why(target, said.get(node), shown.get(node), now)) for node in nodes)
    return tuple(Older(node=node, why=why) for node, why in found if why)


def _why(target: str, said: AgentVersion | None, shown: NodeSigns | None, now: int) -> str:
    recent = shown is not None and shown.time > 0 and now - shown.time < FRESH
    if said is not None and said.version:
        if number(said.version) < number(target):
            return f"its agent is podberth {said.version}"
        if shown is not None and recent and shown.revision > said.revision:
            return f"its agent said that it is podberth {said.version}, and 0.1.0 has changed something there since"
        return ""
    if said is not None:
        return "its agent does not say its version"
    if shown is not None and shown.leases:
        return "it holds addresses, and no agent there has said its version: 0.1.0 does not"
    if recent:
        return "podberth 0.1.0 has changed something there within a day"
    return ""
