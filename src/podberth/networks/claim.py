"""What an IPAMClaim of a pod's namespace comes to, for the network that the pod selects with it. Pure.

multi-net-spec 1.3, section 8; the fields are those of k8s.cni.cncf.io/v1alpha1.
"""

from __future__ import annotations

from podberth.cni import ipam_claim, parsers
from podberth.cni.errors import InvalidConfig, Refused
from podberth.cni.fields import Fields
from podberth.cni.ipam_claim import MOST, IpamClaim
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podberth.cni.netlist import NetworkList
    from podberth.cni.parsers import Address
    from podberth.cni.pod import PodRef
    from podberth.cni.result import Result
    from podberth.net.ops import CallPlugins
    from podberth.networks.legs import Leg

LEDGER = "podberth"  # the type under which the ledger gives addresses, as a plugin or as its `ipam`


@value
class ClaimObject:
    """An IPAMClaim as the API server has it. `ips`: of its status, or else those that its spec asks for.

    `shows`: it shows what is reserved for a pod's name, and is nobody's to refer to.
    """

    namespace: str
    claim: IpamClaim
    network: str
    interface: str
    ending: bool = False
    shows: bool = False

    def __str__(self) -> str:
        return f"IPAMClaim {self.namespace}/{self.claim.name}"


@value
class ClaimStatus:
    """What the status of a claim is to say: its addresses, each with its prefix length, and the pod that has them.

    `standby`: the pod may not have them yet.
    """

    namespace: str
    name: str
    uid: str
    ips: tuple[str, ...]
    pod: str
    standby: bool = False

    @property
    def form(self) -> dict[str, object]:
        """The status. Older custom resources have no place for `ownerPod`, and leave it out."""
        return {"ips": list(self.ips), "ownerPod": self.pod}


def status_of(op: CallPlugins, result: Result, pod: PodRef) -> ClaimStatus | None:
    """Return what a network's result says for the status of the claim that it has its addresses from, if it has one."""
    if not op.claim:
        return None
    name, _, uid = op.claim.partition("/")
    ips = tuple(str(ip.address) for ip in result.ips)
    return ClaimStatus(namespace=pod.namespace, name=name, uid=uid, ips=ips, pod=pod.name, standby=op.standby)


def read(document: Mapping[str, object]) -> ClaimObject:
    """Read the object. InvalidConfig names the field at fault."""
    fields = Fields(document, "IPAMClaim", InvalidConfig)
    metadata, spec = fields.section("metadata"), fields.section("spec")
    status, labels = fields.child("status"), metadata.child("labels")
    held = _ips(status, "ips") if status is not None else ()
    return ClaimObject(
        namespace=metadata.required("namespace", parsers.label),
        claim=IpamClaim(
            name=metadata.required("name", ipam_claim.name),
            uid=metadata.required("uid", ipam_claim.uid),
            ips=held or _ips(spec, "ipRequests"),
        ),
        network=spec.required("network", parsers.string(max=512)),
        interface=spec.required("interface", parsers.string(max=64)),
        ending=metadata.said("deletionTimestamp"),
        shows=labels is not None and labels.raw.get(ipam_claim.SHOWN) == ipam_claim.SHOWN_AS,
    )


def claimed(leg: Leg, document: Mapping[str, object] | None, namespace: str, legs: Sequence[Leg]) -> IpamClaim:
    """Return the claim that a leg refers to. Refused, or InvalidConfig, if it can't have its address by that."""
    assert leg.selection is not None
    name = leg.selection.claim
    what = f"{leg.label}: ipam-claim-reference: "
    if document is None:
        raise Refused(
            f"{what}there is no IPAMClaim {namespace}/{name}",
            "make it, or correct the pod's annotation; the pod starts as soon as it is there",
        )
    found = read(document)
    if found.ending:
        raise Refused(
            f"{what}{found} is being deleted", "refer to another one, or wait until it is gone and make it anew"
        )
    if found.shows:
        raise Refused(
            f"{what}{found} shows what is reserved for a pod's name, and is no claim to refer to",
            "a pod of that name has the address without it; for other names make another claim",
        )
    if found.network not in (leg.network.name, leg.label):
        raise Refused(
            f"{what}{found} is for the network {found.network}, not for {leg.network.name}",
            "a claim is for one network: make another for this one",
        )
    if found.interface != leg.ifname:
        raise Refused(
            f"{what}{found} is for the interface {found.interface}, not for {leg.ifname}",
            "name the interface in the annotation as the claim does, behind `@` or as `interface`",
        )
    other = next((each for each in legs if each is not leg and each.selection and each.selection.claim == name), None)
    if other is not None:
        raise Refused(
            f"{what}{found} is referred to by {other.label} ({other.ifname}) too", "a claim is for one network"
        )
    require_ledger(leg.network, what)
    return found.claim


def require_ledger(network: NetworkList, what: str) -> None:
    """Refuse a network whose addresses are not the ledger's: nobody there would keep a claim's address."""
    first = network.plugins[0] if network.plugins else None
    ipam = first.raw.get("ipam") if first is not None else None
    given = ipam.get("type") if isinstance(ipam, dict) else None
    if first is None or LEDGER not in (first.type, given):
        by = f"the plugin {given or first.type}" if first is not None else "nobody"
        raise Refused(
            f"{what}the network {network.name} has its addresses from {by}, which serves no claims",
            'use a network of type podberth, or with "ipam": {"type": "podberth"}',
        )


def _ips(fields: Fields, key: str) -> tuple[Address, ...]:
    found = tuple(one.ip for one in fields.each(key, parsers.ip_interface, most=MOST))
    if len({ip.version for ip in found}) < len(found):
        raise fields.fail(key, "expected one address of each IP version")
    return found
