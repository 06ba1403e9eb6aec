"""What a verb works with: the parts of one node, each behind its protocol, and the plugin that plans."""

from __future__ import annotations

from podberth.cni.errors import Refused
from podberth.cni.value import value
from podberth.ipam.elsewhere import Alone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Protocol

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.cni.keys import Key
    from podberth.cni.parsers import Network
    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.elsewhere import Elsewhere
    from podberth.ipam.epoch import SeenAddress
    from podberth.ipam.ledger import Ledger
    from podberth.ipam.outlook import Outlook
    from podberth.net.addresses import Addresses
    from podberth.net.attachments import Attachments
    from podberth.net.endpoint import Endpoint
    from podberth.net.facts import NetnsId
    from podberth.net.host import Host
    from podberth.net.plan import Plan
    from podberth.net.record import RecordKey
    from podberth.net.seen import Query, Seen
    from podberth.net.settings import Settings
    from podberth.net.step import Step
    from podberth.net.vf import Selector
    from podberth.networks.claim import ClaimStatus
    from podberth.policy.store import Policies

    class Kind(Protocol):
        """A plugin's reading of its own keys; the rest of it is the plugin's business."""

        @property
        def parent(self) -> str:
            """The link the interface stands on: a bridge, a macvlan's parent, a PF; '' for any PF."""
            ...

        @property
        def vf(self) -> Selector | None:
            """Which virtual functions will do; None if the interface is none."""
            ...

        @property
        def members(self) -> int:
            """How many virtual functions an interface is made of: a bond of several."""
            ...

        @property
        def stands_on(self) -> tuple[str, ...]:
            """Links of this node, one of which has to be there; none if what is missing is made."""
            ...

        @property
        def settings(self) -> Settings:
            """Settings that the plugin's own keys say, beside those that all plugins share."""
            ...

    class Room(Protocol):
        """Space on the disk that is kept for the end of attachments."""

        @property
        def held(self) -> bool:
            """Whether it is there."""
            ...

        def keep(self) -> None:
            """Take it, if it is not. DiskFull if there is not as much."""
            ...

        def give_up(self) -> bool:
            """Give it to whoever writes next; False if it was given up already."""
            ...

    class Plugin(Protocol):
        """A module of `podberth.plugins`."""

        TYPES: tuple[str, ...]  # of network configurations that it serves
        KEYS: tuple[Key, ...]  # its own keys of such a configuration
        ADDRESSES: Addresses  # where those of its interfaces come from
        SETTINGS: bool  # whether podberth's keys stand beside its own: pool, mac, vlan and the like
        MAC: bool  # whether an interface of it can have the MAC that the runtime wishes

        def configure(self, fields: Fields) -> Any:
            """Read the plugin's own keys; InvalidConfig names the one at fault."""
            ...

        def asks(self, conf: Any, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
            """Return what the plan depends on; questions may follow from what was `seen`. No I/O."""
            ...

        def plan(self, conf: Any, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
            """Return what has to be done for the endpoint, and what the result will name. No I/O."""
            ...

        # adopted(call) -> steps: what the CNI project's plugin of the type has made; podberth's own types have none.
        # BESIDE: the key that names a second file of the configuration, where there is one (verbs/completed.py).


def _unlabelled(kind: str, pod: PodRef | None) -> Mapping[str, str]:
    """Know no label of anything."""
    raise Refused(
        f"the labels of {kind} {pod or '(this one)'} are not known here",
        "write `labels.json`: see docs/pools.md",
    )


@value
class Node:
    """`name` is how leases name this node; `clock` returns nanoseconds since the epoch.

    `follow` brings a directory's documents into force if they changed, and returns what is wrong with them, or "".
    `later` takes over a DEL that `verbs.finish` has begun, and sees to its end; None: every DEL is done at once.
    `elsewhere` is asked about holders of addresses on other nodes.
    `outlook` says how what it answers is known; None where the store is its own.
    `room` is space that is kept for DELs.
    `away` says why the cluster's store can't be reached, '' while it can.
    `annotate` has a pod's network-status written, by the API server of a kubeconfig; None where nobody can.
    `show_claim` has the status of a pod's IPAMClaim written, as `annotate`.
    `labels` returns the labels of this node ('Node'), of a pod ('Pod') or of a pod's namespace ('Namespace'). It raises
    TryAgainLater while they can't be known, and Refused where nobody says them.
    `guard` has what policies let pass put into a pod's namespace before the pod's networks are; None where nobody can.
    `believe` is told by a configuration that is in use: of which networks addresses count for the policies of the API
    server of a kubeconfig by a peer's network-status; None where nobody asks.
    `status_on`: what else STATUS fails for, by the operator's choice (`verbs.status.CHOICES`).
    `archive` does one step of putting older events into the store's archive, and says whether there was one to do.
    `boot` returns what tells this boot of the machine from others, '' if that is not known.
    `stored` says whether the node has a store: only an ADD and the operator's commands make one.
    `inside` yields what addresses the network namespaces in folders have; None where nobody can look.
    `remains` returns what made an attachment's interface in the namespace at a path, by what the kernel shows.
    `usable` are what STATUS tries beside its own files: each raises what keeps this node from serving any ADD.
    """

    name: str
    host: Host
    policies: Policies
    ledger: Ledger
    attachments: Attachments
    clock: Callable[[], int]
    follow: Callable[[str], str]
    later: Callable[[RecordKey], None] | None = None
    elsewhere: Elsewhere = Alone()
    stored: Callable[[], bool] = lambda: True
    usable: tuple[Callable[[], None], ...] = ()
    outlook: Outlook | None = None
    room: Room | None = None
    away: Callable[[], str] | None = None
    inside: Callable[[tuple[str, ...]], Iterable[SeenAddress]] | None = None
    remains: Callable[[str, Attachment], tuple[Step, ...]] | None = None
    status_on: frozenset[str] = frozenset()
    archive: Callable[[], bool] | None = None
    boot: Callable[[], str] = lambda: ""
    annotate: Callable[[str, PodRef, str], None] | None = None
    show_claim: Callable[[str, ClaimStatus], None] | None = None
    labels: Callable[[str, PodRef | None], Mapping[str, str]] = _unlabelled
    guard: Callable[[Host, Guarded], None] | None = None
    believe: Callable[[str, tuple[Network, ...]], None] | None = None


@value
class Guarded:
    """A pod whose networks are policed, and its namespace: by the policies of the API server of a kubeconfig.

    `links` are interfaces on networks of definitions: (interface, NAMESPACE/NAME). `by_status` as in its configuration.
    """

    kubeconfig: str
    pod: PodRef
    netns: str
    netns_id: NetnsId
    links: tuple[tuple[str, str], ...]
    by_status: tuple[Network, ...] = ()
