"""Two readers of policies: one of the documents themselves, rule by rule; one of the rule set, as a kernel would."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podberth.net.policing import Policing

NETWORK = "default/macvlan1"
POLICY_FOR = "k8s.v1.cni.cncf.io/policy-for"


@dataclass(frozen=True)
class Someone:
    """A pod with one leg on a network."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    address: str
    network: str = NETWORK


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection: with whom, in which direction, and to which port."""

    way: str
    other: str
    protocol: str
    port: int


def holds(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Say whether a selector of a document chooses these labels."""
    for key, wanted in selector.get("matchLabels", {}).items():
        if labels.get(key) != wanted:
            return False
    for one in selector.get("matchExpressions", ()):
        key, operator, there = one["key"], one["operator"], one["key"] in labels
        fits = {
            "In": there and labels.get(key) in one.get("values", ()),
            "NotIn": not there or labels.get(key) not in one.get("values", ()),
            "Exists": there,
            "DoesNotExist": not there,
        }
        if not fits[operator]:
            return False
    return True


def expected(
    documents: Iterable[Mapping[str, Any]],
    me: Someone,
    everyone: Sequence[Someone],
    namespaces: Mapping[str, Mapping[str, str]],
    packet: Packet,
) -> bool:
    """Say whether a packet passes, by the documents (kubernetes.io, "Network Policies")."""
    found = [one for one in documents if _is_about(one, me, packet.way)]
    key = "from" if packet.way == "ingress" else "to"
    return not found or any(
        _passes(document, rule, key, everyone, namespaces, packet)
        for document in found
        for rule in document["spec"].get(packet.way, ())
    )


def _is_about(document: Mapping[str, Any], me: Someone, way: str) -> bool:
    spec = document["spec"]
    kinds = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    networks = document["metadata"].get("annotations", {}).get(POLICY_FOR, "").split(",")
    return (
        document["metadata"]["namespace"] == me.namespace
        and me.network in networks
        and holds(spec.get("podSelector", {}), me.labels)
        and way.capitalize() in kinds
    )


def _passes(
    document: Mapping[str, Any], rule: Mapping[str, Any], key: str, everyone: Sequence[Someone],
    namespaces: Mapping[str, Mapping[str, str]], packet: Packet,
) -> bool:  # fmt: skip
    peers, ports = rule.get(key), rule.get("ports")
    return (not peers or any(_is_peer(document, one, everyone, namespaces, packet.other) for one in peers)) and (
        not ports or any(_is_port(one, packet) for one in ports)
    )


def _is_peer(
    document: Mapping[str, Any], peer: Mapping[str, Any], everyone: Sequence[Someone],
    namespaces: Mapping[str, Mapping[str, str]], other: str,
) -> bool:  # fmt: skip
    if "ipBlock" in peer:
        address = ip_address(other)
        within = [ip_network(peer["ipBlock"]["cidr"]), *map(ip_network, peer["ipBlock"].get("except", ()))]
        return address in within[0] and not any(address in one for one in within[1:])
    own = document["metadata"]["namespace"]
    return any(
        someone.address == other
        and someone.network in document["metadata"]["annotations"][POLICY_FOR].split(",")
        and holds(peer.get("podSelector", {}), someone.labels)
        and (
            holds(peer["namespaceSelector"], namespaces[someone.namespace])
            if "namespaceSelector" in peer
            else someone.namespace == own
        )
        for someone in everyone
    )


def _is_port(port: Mapping[str, Any], packet: Packet) -> bool:
    if port.get("protocol", "TCP").lower() != packet.protocol:
        return False
    return "port" not in port or port["port"] <= packet.port <= port.get("endPort", port["port"])


def found(policing: Policing, ifname: str, packet: Packet) -> bool:
    """Say whether a packet passes, by the rule set."""
    groups = {group.name: group for group in policing.groups}

    def within(name: str, number: int) -> bool:
        return any(first <= number <= last for first, last in groups[name].spans or ())

    other = ip_address(packet.other)
    for link in policing.links:
        allowed = link.ingress if packet.way == "ingress" else link.egress
        if link.ifname != ifname or allowed is None:
            continue
        return any(
            (not one.group or (one.version == other.version and within(one.group, int(other))))
            and one.protocol in ("", packet.protocol)
            and (not one.ports or within(one.ports, packet.port))
            for one in allowed
        )
    return True
