"""From policies to what a pod's links let pass: NetworkPolicy's semantics, on the networks that policies are for.

A link is closed in a direction once a policy of it speaks of that direction; then what any of them allows passes.
Peers are looked up by the addresses that they have on the networks of the policy.
"""

from __future__ import annotations

from hashlib import sha256

from podberth.cni.value import value
from podberth.net.policing import PORTS, Allow, Group, LinkRules, Policing, merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from podberth.cni.parsers import Address
    from podberth.net.policing import Spans
    from podberth.netpolicy.document import Peer, Policy, Port, Rule
    from podberth.netpolicy.pods import NamedPort

    Members: TypeAlias = "Callable[[Peers], Collection[Address] | None]"  # None: not known yet

_VERSIONS = (4, 6)


@value
class Peers:
    """A keyed set: pods by the selector `pods`, in `namespace` or in those that `namespaces` chooses, on networks.

    `namespace` is '' where `namespaces` is said. Selectors are written as the API server takes them.
    """

    namespace: str
    namespaces: str | None
    pods: str
    networks: tuple[str, ...]

    @property
    def key(self) -> str:
        """The name of the set: the same for the same pods."""
        return "pods-" + _digest((self.namespace, self.namespaces, self.pods, self.networks))

    def __str__(self) -> str:
        spaces = f"namespace {self.namespace}" if self.namespaces is None else f"namespaces {self.namespaces or 'all'}"
        return f"pods {self.pods or 'all'} in {spaces}"


@value
class Link:
    """A link of the pod, on the network of a definition (NAMESPACE/NAME)."""

    ifname: str
    network: str


@value
class Ruled:
    """A pod that policies may choose."""

    namespace: str
    labels: Mapping[str, str]
    links: tuple[Link, ...]
    ports: tuple[NamedPort, ...] = ()


def chosen_by(policies: Iterable[Policy], pod: Ruled) -> tuple[Policy, ...]:
    """Return the policies that choose the pod, and are for a network of it."""
    networks = {link.network for link in pod.links}
    return tuple(
        policy
        for policy in policies
        if policy.namespace == pod.namespace
        and policy.pods is not None
        and networks.intersection(policy.networks or ())
        and policy.pods.matches(pod.labels)
    )


def peers_of(policies: Iterable[Policy]) -> tuple[Peers, ...]:
    """Return the keyed sets that the policies need."""
    rules = ((policy, rule) for policy in policies for rule in (*(policy.ingress or ()), *(policy.egress or ())))
    return tuple(dict.fromkeys(keyed_set(policy, peer) for policy, rule in rules for peer in rule.peers or ()))


def ruling(policies: Sequence[Policy], pod: Ruled, members: Members) -> Policing:
    """Return what the pod's links let pass."""
    groups: dict[str, Group] = {}
    links = []
    for link in pod.links:
        mine = [policy for policy in chosen_by(policies, pod) if link.network in (policy.networks or ())]
        ways = tuple(_way(mine, pod, groups, members, way) for way in ("ingress", "egress"))
        if ways != (None, None):
            names = tuple(map(str, mine))
            links.append(LinkRules(ifname=link.ifname, ingress=ways[0], egress=ways[1], policies=names))
    return Policing(groups=tuple(groups[name] for name in sorted(groups)), links=tuple(links))


def _way(
    policies: Sequence[Policy], pod: Ruled, groups: dict[str, Group], members: Members, way: str
) -> tuple[Allow, ...] | None:
    """Return what passes in a direction; None if no policy speaks of it."""
    spoken = [(policy, rules) for policy in policies if (rules := getattr(policy, way)) is not None]
    if not spoken:
        return None
    found = (
        allow
        for policy, rules in spoken
        for rule in rules
        for allow in _allowed(policy, rule, pod.ports if way == "ingress" else (), groups, members)
    )
    return tuple(dict.fromkeys(found))


def _allowed(
    policy: Policy, rule: Rule, ports: Sequence[NamedPort], groups: dict[str, Group], members: Members
) -> Iterator[Allow]:
    over = tuple(_over(rule.ports, ports, groups))
    for version, group in _from(policy, rule, groups, members):
        for protocol, name in over:
            yield Allow(group=group, version=version, protocol=protocol, ports=name)


def _over(
    ports: Sequence[Port] | None, named: Sequence[NamedPort], groups: dict[str, Group]
) -> Iterator[tuple[str, str]]:
    """Yield protocols, each with a group of ports, '' for all of it. A name that no container's port has is no port."""
    if ports is None:
        yield "", ""
        return
    spans: dict[str, list[tuple[int, int]]] = {}
    for port in ports:
        found = [(port.first, port.last)]
        if port.name:
            found = [(one.port,) * 2 for one in named if (one.name, one.protocol) == (port.name, port.protocol)]
        spans.setdefault(port.protocol, []).extend(found)
    for protocol, each in spans.items():
        whole = merged(tuple(each))
        if whole == ((0, 65535),):
            yield protocol, ""
        elif whole:
            yield protocol, _group(groups, "ports", PORTS, whole)


def _from(policy: Policy, rule: Rule, groups: dict[str, Group], members: Members) -> Iterator[tuple[int, str]]:
    """Yield groups of addresses with their IP versions; '' for any."""
    if rule.peers is None:
        yield 0, ""
        return
    for version, spans in rule.blocks:
        if spans:
            yield version, _group(groups, "addresses", version, spans)
    for peer in rule.peers:
        peers = keyed_set(policy, peer)
        found = members(peers)
        for version in _VERSIONS:
            name = f"{peers.key}-{version}"
            if name not in groups:
                groups[name] = Group(name=name, version=version, spans=_singles(found, version), ranges=False)
            yield version, name


def keyed_set(policy: Policy, peer: Peer) -> Peers:
    """Return the set of pods that a peer of a policy is."""
    return Peers(
        namespace="" if peer.namespaces is not None else policy.namespace,
        namespaces=str(peer.namespaces) if peer.namespaces is not None else None,
        pods=str(peer.pods),
        networks=policy.networks or (),
    )


def _singles(found: Collection[Address] | None, version: int) -> Spans | None:
    if found is None:
        return None
    return tuple((number, number) for number in sorted({int(one) for one in found if one.version == version}))


def _group(groups: dict[str, Group], what: str, version: int, spans: Spans) -> str:
    name = f"{what}-{_digest((version, spans))}"
    groups[name] = Group(name=name, version=version, spans=spans, ranges=True)
    return name


def _digest(of: object) -> str:
    return sha256(repr(of).encode()).hexdigest()[:24]
