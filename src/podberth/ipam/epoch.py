"""A ledger that was put back to an earlier state: its epoch, and what nodes announce of their pods. Pure values.

What happened after the backup is in no ledger any more. The nodes still have it: their records, and the kernel. Each
node announces that, and until it has, an address that may be one of its pods' is given to nobody
(docs/restore.md, docs/decisions/038-an-epoch-and-its-announcements.md).
"""

from __future__ import annotations

from podberth.cni.errors import StoreFailed
from podberth.cni.value import replace, value
from podberth.ipam.number import TIME, number_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from typing import Any

    from podberth.cni.pod import Attachment, PodRef
    from podberth.net.facts import NetnsId
    from podberth.net.ops import Address

OWN = ""  # how a node is awaited whose own store the ledger is
WHO = "podberth"  # how the ledger names who noticed that it was put back, and who announces
FOUND = "found"  # the network of a holder of which the kernel shows the address alone


@value
class Epoch:
    """The ledger was put back: `number` counts that, `who` says so, and `why`, on `node` at `time` (ns).

    `seq`: the last event that the ledger had when it came back. `awaited`: nodes that have not announced their pods,
    `heard`: those that have, where there are several.
    """

    number: int
    seq: int
    time: int
    who: str
    why: str
    node: str
    awaited: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()


@value
class HeldAddress:
    """An address that a pod of this node has, whatever the ledger says. `pool`: '' if only the ledger can know."""

    address: Address
    attachment: Attachment
    pod: PodRef | None
    netns: str
    pool: str = ""

    @property
    def found(self) -> bool:
        """Whether nobody knows more of the holder than its network namespace."""
        return self.attachment.network == FOUND


@value
class SeenAddress:
    """An address that an interface in a network namespace of this node has."""

    netns: str
    netns_id: NetnsId
    ifname: str
    address: Address


@value
class Announcement:
    """What came of an announcement: what was `bound` by it, `ended` by it, and what somebody else has by now."""

    bound: tuple[Address, ...] = ()
    ended: tuple[Address, ...] = ()
    contested: tuple[Address, ...] = ()
    homeless: tuple[Address, ...] = ()  # of no pool that is declared


def begun(found: Epoch | None, new: Epoch, known: int) -> Epoch | None:
    """Return the epoch that a node writes which finds the ledger put back; None if all is said in the one `found`.

    `known`: the number of the last epoch that the node had heard of. A later one is of this very return, and its writer
    may not have known all nodes that the ledger has to hear of.
    """
    if found is None or found.number <= known:
        return replace(new, number=max(known, found.number if found is not None else 0) + 1)
    unknown = set(new.awaited) - set(found.awaited) - set(found.heard)
    return replace(found, awaited=tuple(sorted({*found.awaited, *unknown}))) if unknown else None


def heard(found: Epoch | None, nodes: AbstractSet[str]) -> Epoch | None:
    """Return the epoch once nodes have announced their pods, or are known to be dead; None if nothing changes."""
    if found is None or nodes.isdisjoint(found.awaited):
        return None
    awaited = tuple(node for node in found.awaited if node not in nodes)
    return replace(found, awaited=awaited, heard=tuple(sorted({*found.heard, *nodes})))


def epoch_form(epoch: Epoch) -> dict[str, Any]:
    """Return the form that `parse_epoch` reads as the same epoch."""
    names = ("number", "seq", "time", "who", "why", "node")
    form = {name: getattr(epoch, name) for name in names}
    return {**form, "awaited": list(epoch.awaited), "heard": list(epoch.heard)}


def parse_epoch(form: Mapping[str, Any]) -> Epoch:
    """Read an epoch. StoreFailed if it is none: unknown is not heard."""
    try:
        number, seq = (number_in(form, name) for name in ("number", "seq"))
        time = number_in(form, "time", TIME)
        who, why, node = (str(form[name]) for name in ("who", "why", "node"))
        awaited, known = (tuple(map(str, form[name])) for name in ("awaited", "heard"))
        "".join((who, why, node, *awaited, *known)).encode()  # half a character is no text that a database can keep
    except (IndexError, KeyError, TypeError, ValueError) as wrong:
        raise StoreFailed(f"the cluster's store: its epoch can't be read: {wrong}", "was it written by hand?") from None
    return Epoch(number=number, seq=seq, time=time, who=who, why=why, node=node, awaited=awaited, heard=known)
