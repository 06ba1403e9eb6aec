"""What a pod would get if it started now: what is said about its interface, and the addresses that this leads to.

Which addresses those are is the ledger's to say (`Ledger.foresee`). Nothing is changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as replace_parts
from typing import TYPE_CHECKING

from podberth.cni.args import Args
from podberth.cni.call import Call, Verb
from podberth.cni.errors import CniError, InvalidConfig, PoolExhausted
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.pod import Attachment
from podberth.cni.value import replace
from podberth.desk.form import Address, row
from podberth.ipam.lease import Actor, Claim
from podberth.ipam.owner import claim_of
from podberth.ipam.refusals import same
from podberth.policy.precedence import NetworkDefaults, Question, has_choice, named_pools, resolve
from podberth.verbs.devices import foreseen
from podberth.verbs.network import Network, question, read_network
from podberth.verbs.planner import Planner
from podberth.verbs.preference import Passed, serve
from podberth.verbs.role import Role
from podberth.verbs.wish import endpoint, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Reservation
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Op
    from podberth.net.vf import Vf
    from podberth.policy.precedence import Resolved
    from podberth.verbs.node import Node, Plugin

IPAM = "podberth"
OURS = (IPAM, "sriov")  # the types whose addresses are always the ledger's
ANY = "any free address, for example this one"


@row
class Expected:
    """An address that an ADD would bind now, and why this one."""

    address: Address
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """`refusal`: the error an ADD would end with, None if it would not; `addresses` is then what it would bind.

    `passed`: of several pools in order of preference those that would not serve, before the one of `resolved`.
    """

    pod: PodRef
    ifname: str
    network: Network
    resolved: Resolved
    addresses: tuple[Expected, ...] = ()
    refusal: CniError | None = None
    passed: tuple[Passed, ...] = ()


def asks_podberth(conf: Mapping[str, object]) -> bool:
    """Say whether the ledger is asked for addresses by a plugin of that configuration."""
    ipam = conf.get("ipam")
    return conf.get("type") in OURS or (isinstance(ipam, dict) and ipam.get("type") == IPAM)


def configuration(document: Mapping[str, object]) -> NetConf:
    """Return a plugin's configuration as an ADD reads it. CniError for what is wrong with it."""
    return NetConf.parse(Fields(document, "", InvalidConfig))


def read(conf: NetConf, find: Callable[[str], Plugin]) -> tuple[Network, Plugin]:
    """Read a network as an ADD would; one of another plugin's type may ask podberth for addresses.

    So may one of the CNI project's types: whose plugin of that type a node has is not known here.
    """
    try:
        plugin = find(conf.type)
    except InvalidConfig:
        plugin = find(IPAM)
    if not plugin.SETTINGS:
        plugin = find(IPAM)
    return read_network(conf, plugin), plugin


def interfaces(node: Node, pod: PodRef, network: str | None) -> tuple[tuple[str, str], ...]:
    """Return (ifname, network) of everything declared or reserved for the pod; eth0 if there is nothing."""
    declared = [
        (policy.ifname, network or policy.network or "")
        for document in node.policies.find(pod)
        for policy in document.attachments
        if network is None or policy.network in (None, network)
    ]
    known = {ifname for ifname, _ in declared}
    kept = [(r.ifname, network or "") for r in node.ledger.reservations(pod=pod) if r.ifname not in known]
    return tuple(dict.fromkeys((*declared, *kept))) or (("eth0", network or ""),)


def foresee(node: Node, pod: PodRef, ifname: str, network: Network, conf: NetConf | None) -> Prospect:
    """Resolve everything said about the interface. Raises what keeps it from being resolved at all."""
    asked = _question(node, pod, ifname, network, conf)
    first = named_pools(asked, node.policies)[:1] if has_choice(asked) else ()
    resolved = resolve(replace(asked, only="".join(first)), node.policies)
    passed: list[Passed] = []

    def expected(resolved: Resolved) -> Prospect:
        addresses = _expect(node, asked, resolved)
        return Prospect(pod=pod, ifname=ifname, network=network, resolved=resolved, addresses=addresses)

    try:
        attachment = Attachment(network=asked.network, container_id="", ifname=ifname)
        found = serve(node, network, asked, attachment, expected, passed.append)
    except CniError as refusal:
        found = Prospect(pod=pod, ifname=ifname, network=network, resolved=resolved, refusal=refusal)
    return replace_parts(found, passed=tuple(passed))


def plan(
    node: Node, found: Prospect, conf: NetConf, plugin: Plugin, end: Endpoint
) -> tuple[tuple[Vf, ...], tuple[Op, ...]]:
    """Return what would be done for the endpoint now, and with which functions. NoFreeDevice if too few are free."""
    call = Call(verb=Verb.ADD, conf=conf, ifname=found.ifname, pod_args=Args(pod=found.pod))
    assert found.network.kind is not None
    planner = Planner(node.host, plugin, found.network.kind, call, found.resolved)
    function = planner.wanted(end)
    vfs = foreseen(node, function) if function is not None else ()
    return vfs, planner(end, vfs).ops


def unnamed(name: str) -> Network:
    """Return a network of which nothing is known but its name."""
    return Network(name=name, role=Role.MAKE, kind=None, defaults=NetworkDefaults())


def effective(found: Prospect) -> dict[str, object]:
    """Return the settings that follow from the addresses too: the MAC, and the routes. Empty if an ADD is refused."""
    if found.refusal is not None:
        return {}
    attachment = Attachment(network=found.network.name, container_id="", ifname=found.ifname)
    settings = endpoint(found.resolved, attachment, "", [e.address for e in found.addresses]).settings
    return {"mac": settings.mac, "routes": settings.routes}


def _question(node: Node, pod: PodRef, ifname: str, network: Network, conf: NetConf | None) -> Question:
    if conf is None:
        return Question(pod=pod, network=network.name, ifname=ifname, declared=node.policies.find(pod))
    call = Call(verb=Verb.ADD, conf=conf, ifname=ifname, pod_args=Args(pod=pod))
    return question(network, call, node.policies)


def _expect(node: Node, asked: Question, resolved: Resolved) -> tuple[Expected, ...]:
    """Return the addresses that the ledger would bind for an ADD now, as if the pod's older sandboxes had ended.

    An address that the pod has by chance ends with its sandbox: it is given again only if there is no other.
    """
    pod, ifname = asked.pod, asked.ifname
    assert pod is not None
    owners = (pod,) if resolved.claim is None else (pod, resolved.claim.owner)
    kept = {one.address: one for owner in owners for one in node.ledger.reservations(pod=owner)}
    lasting = {*kept, *resolved.addresses, *(address for share in resolved.shares for address in share.addresses)}
    own = [lease for lease in node.ledger.leases() if same(lease.pod, pod) and lease.attachment.ifname == ifname]
    claim = Claim(
        attachment=Attachment(network=asked.network, container_id="", ifname=ifname),
        pod=pod,
        netns="",
        wanted=wanted(resolved),
        sticky=resolved.sticky,
        takeover=tuple(dict.fromkeys(lease.attachment for lease in own)),
        avoid=tuple(lease.address for lease in own if lease.address not in lasting),
    )
    actor = Actor(who="plugin", why="ADD", node=node.name)
    try:
        given = node.ledger.foresee(claim, actor)
    except PoolExhausted:
        if not claim.avoid:
            raise
        given = node.ledger.foresee(replace(claim, avoid=()), actor)
    has = {lease.address for lease in own}
    found = [
        Expected(address=lease.address, why=_why(node, lease.address, resolved, kept.get(lease.address), has))
        for lease in given
    ]
    return tuple(sorted(found, key=lambda each: resolved.pool.families.index(each.address.version)))


def _why(node: Node, address: Address, resolved: Resolved, kept: Reservation | None, has: AbstractSet[Address]) -> str:
    if resolved.claim is not None:
        name, _ = claim_of(resolved.claim.owner)
        of_it = kept is not None or address in resolved.claim.ips
        return f"IPAMClaim {name}" if of_it else f"any free address for IPAMClaim {name}, for example this one"
    if address in resolved.addresses:
        return resolved.origin(f"ipv{address.version}").source
    share = next((share for share in resolved.shares if address in share.addresses), None)
    if share is not None and address not in has:
        bound = {lease.address for lease in node.ledger.leases(pool=resolved.pool.name)}
        free = [each for each in share.addresses if each not in bound]
        return f"{len(free)} of {len(share.addresses)} are free, for example this one"
    if kept is not None:
        return f"reserved for the pod's name ({kept.origin})"
    return "the pod has it" if address in has else ANY
