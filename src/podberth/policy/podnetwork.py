"""PodNetwork: what an operator declared for one pod, one StatefulSet or one Deployment, by name.

Values only; `podberth.policy.documents` parses and writes the YAML/JSON form (apiVersion podberth.io/v1alpha1).
"""

from __future__ import annotations

from podberth.cni.value import value
from podberth.ipam.owner import deployment_of, of_deployment
from podberth.ipam.pool import FOREVER
from podberth.net.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from ipaddress import IPv4Address, IPv6Address

    from podberth.cni.pod import PodRef
    from podberth.net.vf import Selector


WITH_STATEFUL_SET = "withStatefulSet"


@value
class Run:
    """`count` addresses that follow one another, read like a tuple. None of them is made before it is asked for."""

    first: IPv4Address | IPv6Address
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> IPv4Address | IPv6Address:
        at = index + self.count if index < 0 else index
        if not 0 <= at < self.count:
            raise IndexError(f"{index} of {self.count} addresses")
        return self.first + at

    def __iter__(self) -> Iterator[IPv4Address | IPv6Address]:
        return (self.first + n for n in range(self.count))

    def __contains__(self, address: object) -> bool:
        return type(address) is type(self.first) and 0 <= int(address) - int(self.first) < self.count


def compact(addresses: tuple[IPv4Address | IPv6Address, ...]) -> Run | tuple[IPv4Address | IPv6Address, ...]:
    """Return the addresses, which are of one family, as a run if they follow one another."""
    if not addresses or any(int(address) != int(addresses[0]) + n for n, address in enumerate(addresses)):
        return addresses
    return Run(first=addresses[0], count=len(addresses))


@value
class Ordinals:
    """A StatefulSet's addresses of one family: ordinal N gets `addresses[N - start]`; `compact` makes them."""

    start: int
    addresses: Run | tuple[IPv4Address | IPv6Address, ...]


@value
class OwnPool:
    """A pool for what the PodNetwork is for, of so many addresses of each family that `parent` sets aside."""

    parent: str
    addresses: int


@value
class AttachmentPolicy:
    """What is declared for one interface. `pool`, `pools`, `addresses`, `ordinals`, `shared` None/empty: not said here.

    `pools`: instead of one pool several, in order of preference; addresses are then named by nobody.

    `own`: `pool` is one that podberth makes for it.
    `addresses` are a single pod's (at most one a family), `ordinals` a StatefulSet's (one `Ordinals` a family),
    `shared` those that the pods of a Deployment have among them.
    `sticky`: an address taken from the pool stays with the pod's name. `device` picks the link the interface stands on,
    overriding the network's parent; `vf` which virtual functions will do, overriding the network's choice.
    """

    ifname: str
    network: str | None = None
    pool: str | None = None
    pools: tuple[str, ...] = ()
    own: OwnPool | None = None
    addresses: tuple[IPv4Address | IPv6Address, ...] = ()
    ordinals: tuple[Ordinals, ...] = ()
    shared: tuple[IPv4Address | IPv6Address, ...] = ()
    sticky: bool | None = None
    device: str | None = None
    vf: Selector | None = None
    settings: Settings = Settings()

    @property
    def preferred(self) -> tuple[str, ...]:
        """The pools that it names, in its order of preference."""
        return (self.pool,) if self.pool is not None else self.pools


@value
class PodNetwork:
    """One document. Exactly one of `pod`, `stateful_set` and `deployment` is set: the name it is declared for.

    `retention`: how long its addresses stay reserved after what it is declared for was deleted, in seconds; or FOREVER
    (as long as there is the document), or WITH_STATEFUL_SET (until that is deleted).
    """

    namespace: str
    name: str
    pod: str | None = None
    stateful_set: str | None = None
    deployment: str | None = None
    replicas: int | None = None
    retention: str | int = FOREVER
    attachments: tuple[AttachmentPolicy, ...] = ()
    source: str = ""  # where it was read: 'apply: db.yaml', 'directory: /etc/podberth/policies/db.yaml'

    def __str__(self) -> str:
        return f"PodNetwork {self.namespace}/{self.name}"

    @property
    def target(self) -> str:
        """What it is declared for, in words."""
        if self.pod is not None:
            return f"pod {self.pod}"
        return f"Deployment {self.deployment}" if self.deployment is not None else f"StatefulSet {self.stateful_set}"

    @property
    def owner(self) -> PodRef | None:
        """The Deployment as the owner of what its pods share; None if it is declared for something else."""
        return of_deployment(self.namespace, self.deployment) if self.deployment is not None else None

    def attachment(self, network: str, ifname: str) -> AttachmentPolicy | None:
        """Return what it says of the interface on that network: said for the network by name, or for any."""
        return choose(self.attachments, network, ifname)

    def ordinal(self, pod: PodRef) -> int | None:
        """Return which replica `pod` is: 'mysql-2' of 'mysql' is 2; None if it is none."""
        if self.stateful_set is None or pod.namespace != self.namespace:
            return None
        head, dash, number = pod.name.rpartition("-")
        plain = number.isascii() and number.isdecimal() and (number == "0" or not number.startswith("0"))
        return int(number) if dash and head == self.stateful_set and plain and len(number) < 10 else None

    def is_for(self, pod: PodRef) -> bool:
        """Say whether it is declared for a pod, by whichever name."""
        if pod.namespace != self.namespace:
            return False
        if self.pod is not None:
            return self.pod == pod.name
        return self.ordinal(pod) is not None or (self.owner is not None and self.owner == deployment_of(pod))

    def addresses_of(self, policy: AttachmentPolicy, pod: PodRef) -> tuple[IPv4Address | IPv6Address, ...]:
        """Return what `policy`, one of its attachments, declares for `pod`; nothing for an ordinal out of range.

        A Deployment's addresses are declared for the Deployment (`owner`), not for any pod of it.
        """
        if self.owner is not None:
            return policy.shared if pod == self.owner else ()
        if self.pod is not None:
            return policy.addresses if (self.namespace, self.pod) == (pod.namespace, pod.name) else ()
        number = self.ordinal(pod)
        return tuple(
            ordinals.addresses[number - ordinals.start]
            for ordinals in policy.ordinals
            if number is not None and 0 <= number - ordinals.start < len(ordinals.addresses)
        )


def choose(attachments: Iterable[AttachmentPolicy], network: str, ifname: str) -> AttachmentPolicy | None:
    """Return what is said of `ifname` on `network`; what names the network goes before what is for any network."""
    fitting = [a for a in attachments if a.ifname == ifname and a.network in (network, None)]
    return next((a for a in fitting if a.network is not None), fitting[0] if fitting else None)
