"""A use of a pool, as a value: `policy.permit` is asked about it, and the pool's `allow` rules are held against it."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.net.ops import Address


@value
class Use:
    """What is asked of a pool for a namespace ('' without Kubernetes).

    `vlan`: the tag, 0 for untagged, None if it is not known yet. `vlan_chosen`: a PodNetwork or the pod says so, it is
    not the pool's or the network's. `requested`: fields that the pod asks for itself. `mac`: one that the pod or its
    namespace chooses, '' if none.
    """

    who: str
    namespace: str
    addresses: tuple[Address, ...] = ()
    vlan: int | None = None
    vlan_chosen: bool = False
    requested: tuple[str, ...] = ()
    mac: str = ""
