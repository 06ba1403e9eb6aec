"""The policies of a pod's networks: which choose it, what they let pass, and who their peers are by address just now.

The API server is asked: the agent keeps the same documents in force, by the same rules.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from typing import TYPE_CHECKING, Annotated

from podberth import objects
from podberth.cni.errors import CniError
from podberth.desk.form import LEFT_OUT, row
from podberth.kube.errors import NotFound
from podberth.kube.resources import MULTI_NETWORK_POLICIES, NAMESPACES, PODS
from podberth.kube.served import served
from podberth.net.seen import POD, ObjectSought
from podberth.netpolicy.believed import Said, weighed
from podberth.netpolicy.document import MOST_PORT
from podberth.netpolicy.pods import addresses_of, labels_of
from podberth.netpolicy.ruling import keyed_set
from podberth.netpolicy.standing import HOLDING, judged, unknown
from podberth.networks.settings import read
from podberth.stores.last_good import remembered
from podberth.verbs.holders import holders
from podberth.verbs.role import NETWORKS, state_dir

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from podberth.cni.netconf import NetConf
    from podberth.cni.parsers import Network
    from podberth.cni.pod import PodRef
    from podberth.kube.client import Client, Object
    from podberth.netpolicy.document import Policy, Rule
    from podberth.netpolicy.ruling import Peers
    from podberth.netpolicy.standing import Standing
    from podberth.networks.settings import Settings
    from podberth.verbs.node import Node

WAYS = ("ingress", "egress")
SHOWN = 16  # addresses of one peer
ANY = "any"


@row
class Allowed:
    """What a rule lets pass: with peers, over ports. `addresses` are the first that pods have; `more` how many follow.

    They are null where the peers are addresses themselves. `uncounted` are the first addresses that pods say and that
    do not count, each with the pod and the reason.
    """

    policy: str
    peers: str
    ports: str
    addresses: tuple[str, ...] | None = None
    more: Annotated[int, LEFT_OUT] = 0
    uncounted: Annotated[tuple[str, ...], LEFT_OUT] = ()


@row
class Passing:
    """What passes an interface in a direction: all where no policy speaks of it, else what any of them allows."""

    ifname: str
    network: str
    direction: str
    open: bool
    allowed: tuple[Allowed, ...]


@row
class Chosen:
    """A policy that is for a network of the pod, and how it stands. `chooses`: whether it chooses this pod.

    `mistakes` are those of its newest text, each with the path of the field.
    """

    policy: str
    state: str
    chooses: bool
    mistakes: Annotated[tuple[str, ...], LEFT_OUT] = ()


@row
class Policed:
    """What policies come to for a pod. `why` says what keeps it from being known, or from being kept; else it is ''."""

    why: Annotated[str, LEFT_OUT] = ""
    policies: tuple[Chosen, ...] = ()
    passing: tuple[Passing, ...] = ()


def policed(node: Node, conf: NetConf, pod: PodRef, legs: Sequence[tuple[str, str]]) -> Policed | None:
    """Return it for a pod's legs, each with the name that its network-status has; None if none is of a definition."""
    links = [(ifname, name) for ifname, name in legs if "/" in name]
    settings = read(conf.fields) if links else None
    if settings is None or not settings.kubeconfig:
        return None
    try:
        found = _policed(node, conf, settings, pod, links)
    except CniError as away:
        return Policed(why=f"the policies can't be known: {away.message}") if settings.policies else None
    if settings.policies:
        return found
    off = "the configuration does not say networkPolicies: podberth keeps none of these policies"
    return Policed(why=off, policies=found.policies) if found.policies else None


def standings_of(conf: NetConf, kubeconfig: str, found: Iterable[Object]) -> tuple[Standing, ...]:
    """Return how documents stand on this node: texts that hold for newer ones are those that its agent remembers."""
    before = {}
    for text in remembered([f"{state_dir(conf.fields)}/{NETWORKS}"], kubeconfig):
        try:
            one = judged(text)
        except CniError:
            continue
        before[str(one)] = one
    read = (_judged(raw, before) for raw in found)
    return tuple(one for one in read if one is not None)


def _judged(raw: Object, before: Mapping[str, Standing]) -> Standing | None:
    try:
        return judged(raw, before.get(f"{raw['metadata'].get('namespace')}/{raw['metadata'].get('name')}"))
    except CniError:
        return None


def _policed(node: Node, conf: NetConf, settings: Settings, pod: PodRef, links: Sequence[tuple[str, str]]) -> Policed:
    kubeconfig = settings.kubeconfig
    client = objects.client(kubeconfig)
    try:
        documents = client.list(served(client, MULTI_NETWORK_POLICIES), pod.namespace).items
    except NotFound:
        documents = []  # the server has no such kind
    raw = objects.look(ObjectSought(kubeconfig=kubeconfig, kind=POD, namespace=pod.namespace, name=pod.name)) or {}
    labels, networks = labels_of(raw), {network for _, network in links}
    standings = [one for one in standings_of(conf, kubeconfig, documents) if one.concerns(networks)]
    chosen = [
        Chosen(policy=str(one), state=one.state, chooses=_chooses(one, labels), mistakes=one.mistakes)
        for one in sorted(standings, key=str)
    ]
    mine = [one.policy for one in standings if _chooses(one, labels)]
    doubtful = unknown(standings, networks)
    why = f"policy {doubtful[0]} can't be read, and it is not known here what held before" if doubtful else ""
    peers = _Peers(node, client, settings.by_status)
    passing = [
        _passing(mine, ifname, network, way, peers) for ifname, network in links for way in (() if doubtful else WAYS)
    ]
    return Policed(why=why, policies=tuple(chosen), passing=tuple(passing))


def _chooses(one: Standing, labels: Mapping[str, str]) -> bool:
    return one.state in HOLDING and one.policy.pods is not None and one.policy.pods.matches(labels)


def _passing(policies: Sequence[Policy], ifname: str, network: str, way: str, peers: _Peers) -> Passing:
    spoken = [
        (policy, rules)
        for policy in policies
        if network in (policy.networks or ()) and (rules := getattr(policy, way)) is not None
    ]
    allowed = (one for policy, rules in spoken for rule in rules for one in _allowed(policy, rule, peers))
    return Passing(ifname=ifname, network=network, direction=way, open=not spoken, allowed=tuple(allowed))


def _allowed(policy: Policy, rule: Rule, peers: _Peers) -> Iterator[Allowed]:
    name, ports = str(policy), _ports(rule)
    if rule.peers is None:
        yield Allowed(policy=name, peers=ANY, ports=ports)
        return
    for version, spans in rule.blocks:
        if spans:
            ranges = ", ".join(_range(version, *span) for span in islice(spans, SHOWN))
            yield Allowed(policy=name, peers=ranges, ports=ports, more=max(0, len(spans) - SHOWN))
    for peer in rule.peers:
        keyed = keyed_set(policy, peer)
        found, doubts = peers.addresses(keyed)
        yield Allowed(
            policy=name, peers=str(keyed), ports=ports, addresses=found[:SHOWN], more=max(0, len(found) - SHOWN),
            uncounted=doubts[:SHOWN],
        )  # fmt: skip


def _range(version: int, first: int, last: int) -> str:
    kind = IPv4Address if version == 4 else IPv6Address
    return f"{kind(first)}-{kind(last)}" if last > first else str(kind(first))


def _ports(rule: Rule) -> str:
    if rule.ports is None:
        return ANY
    said = []
    for port in rule.ports:
        span = f"{port.first}" if port.first == port.last else f"{port.first}-{port.last}"
        whole = (port.first, port.last) == (0, MOST_PORT) and not port.name
        said.append(f"{port.protocol}" if whole else f"{port.protocol} {port.name or span}")
    return ", ".join(said)


class _Peers:
    """Asks for each set of peers once, and the ledger for whom it has their addresses."""

    def __init__(self, node: Node, client: Client, by_status: tuple[Network, ...]) -> None:
        self._node, self._client, self._by_status = node, client, by_status
        self._known: dict[Peers, tuple[tuple[str, ...], tuple[str, ...]]] = {}

    def addresses(self, peers: Peers) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the addresses that count of the pods that a set chooses, on its networks; and why others do not."""
        if peers not in self._known:
            said = tuple(self._said(peers))
            has = {address: (pod,) for address, pod in holders(self._node, {one.address for one in said}).items()}
            counted, doubts = weighed(said, has, self._by_status)
            self._known[peers] = tuple(map(str, counted)), tuple(map(str, doubts))
        return self._known[peers]

    def _said(self, peers: Peers) -> Iterator[Said]:
        spaces = None
        if peers.namespaces is not None:
            listed = self._client.list(NAMESPACES, labels=peers.namespaces).items
            spaces = {one["metadata"]["name"] for one in listed}
        for one in self._client.list(PODS, peers.namespace, labels=peers.pods).items:
            pod = one["metadata"]["namespace"], one["metadata"]["name"]
            if spaces is None or pod[0] in spaces:
                yield from (Said(pod=pod, address=it) for network, it in addresses_of(one) if network in peers.networks)
