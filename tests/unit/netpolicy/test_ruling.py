"""What a pod's links let pass is what the documents say, read by a naive reader of them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from podberth.cni.labels_document import parse_selector
from podberth.netpolicy.document import parse
from podberth.netpolicy.pods import NamedPort
from podberth.netpolicy.ruling import Link, Peers, Ruled, peers_of, ruling
from tests.unit.netpolicy.oracle import NETWORK, POLICY_FOR, Packet, Someone, expected, found, holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podberth.cni.parsers import Address
    from podberth.net.policing import Policing

OTHER = "default/macvlan2"
NAMESPACES = {"blue": {"team": "a"}, "red": {"team": "b", "env": "prod"}, "green": {}}
EVERYONE = (
    Someone("blue", "server", {"app": "db", "tier": "1"}, "10.0.0.10"),
    Someone("blue", "a", {"app": "web"}, "10.0.0.11"),
    Someone("blue", "b", {"app": "web", "tier": "2"}, "10.0.0.12"),
    Someone("red", "a", {"app": "web"}, "10.0.0.21"),
    Someone("red", "six", {"app": "db"}, "fd00::21"),
    Someone("green", "b", {}, "10.0.0.31"),
    Someone("green", "far", {"app": "web"}, "10.1.0.31", OTHER),
)
ME = EVERYONE[0]


def policy(
    spec: Mapping[str, Any], namespace: str = "blue", networks: str = NETWORK, name: str = "p"
) -> dict[str, Any]:
    metadata = {"namespace": namespace, "name": name, "annotations": {POLICY_FOR: networks}}
    return {"metadata": metadata, "spec": dict(spec)}


def members(peers: Peers) -> list[Address]:
    """Answer as the API server does, whose selectors are text."""

    def within(one: Someone) -> bool:
        if peers.namespaces is None:
            return peers.namespace == one.namespace
        return asked(peers.namespaces, NAMESPACES[one.namespace])

    chosen = (one for one in EVERYONE if within(one) and asked(peers.pods, one.labels))
    return [ip_address(one.address) for one in chosen if one.network in peers.networks]


def asked(query: str, labels: Mapping[str, str]) -> bool:
    """Read a query as k8s.io/apimachinery/pkg/labels does."""
    depth, parts = 0, [""]
    for sign in query:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return all(_one(part, labels) for part in parts if part)


def _one(part: str, labels: Mapping[str, str]) -> bool:
    if "(" in part:
        key, word, rest = part.split(" ", 2)
        within = labels.get(key) in rest.strip("()").split(",")
        return within is (word == "in")
    if "!=" in part:
        return labels.get(part.split("!=", maxsplit=1)[0]) != part.split("!=")[1]
    if "=" in part:
        return labels.get(part.split("=", maxsplit=1)[0]) == part.split("=")[1]
    return (part.lstrip("!") in labels) is not part.startswith("!")


def of(*documents: dict[str, Any], me: Someone = ME, ports: tuple[NamedPort, ...] = ()) -> Policing:
    links = (Link(ifname="net1", network=me.network), Link(ifname="net2", network=OTHER))
    pod = Ruled(namespace=me.namespace, labels=me.labels, links=links, ports=ports)
    return ruling([parse(one) for one in documents], pod, members)


def passes(
    policing: Policing, way: str, other: str, protocol: str = "tcp", port: int = 80, ifname: str = "net1"
) -> bool:
    return found(policing, ifname, Packet(way, other, protocol, port))


KEYS, VALUES = (
    st.sampled_from(["app", "tier", "team", "env"]),
    st.sampled_from(["db", "web", "1", "2", "a", "b", "prod"]),
)
EXPRESSION = st.one_of(
    st.fixed_dictionaries({"key": KEYS, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
    st.fixed_dictionaries(
        {"key": KEYS, "operator": st.sampled_from(["In", "NotIn"]), "values": st.lists(VALUES, min_size=1, max_size=3)}
    ),
)
SELECTOR = st.fixed_dictionaries(
    {}, optional={"matchLabels": st.dictionaries(KEYS, VALUES, max_size=2),
                  "matchExpressions": st.lists(EXPRESSION, max_size=2)},
)  # fmt: skip
CIDRS = st.sampled_from(["10.0.0.0/8", "10.0.0.0/24", "10.0.0.8/29", "10.0.0.11/32", "0.0.0.0/0"])
BLOCK = st.one_of(
    st.fixed_dictionaries({"cidr": CIDRS}, optional={"except": st.lists(CIDRS, max_size=2)}),
    st.fixed_dictionaries({"cidr": st.sampled_from(["fd00::/64", "::/0", "fd00::21/128"])}),
)
PEER = st.one_of(
    st.fixed_dictionaries({"podSelector": SELECTOR}),
    st.fixed_dictionaries({"namespaceSelector": SELECTOR}, optional={"podSelector": SELECTOR}),
    st.fixed_dictionaries({"ipBlock": BLOCK}),
)
PROTOCOLS = st.sampled_from(["TCP", "UDP", "SCTP"])
PORT = st.one_of(
    st.fixed_dictionaries({}, optional={"protocol": PROTOCOLS}),
    st.fixed_dictionaries({"port": st.sampled_from([22, 80, 443])}, optional={"protocol": PROTOCOLS}),
    st.fixed_dictionaries({"port": st.sampled_from([22, 80]), "endPort": st.sampled_from([80, 443, 65535])}),
)


def rules(key: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.fixed_dictionaries(
        {}, optional={key: st.lists(PEER, max_size=3), "ports": st.lists(PORT, max_size=2)},
    )  # fmt: skip
    return st.lists(one, max_size=3)


SPEC = st.fixed_dictionaries(
    {"podSelector": SELECTOR},
    optional={
        "ingress": rules("from"), "egress": rules("to"),
        "policyTypes": st.lists(st.sampled_from(["Ingress", "Egress"]), unique=True),
    },
)  # fmt: skip
DOCUMENTS = st.lists(
    st.builds(policy, SPEC, st.sampled_from(["blue", "red"]), st.sampled_from([NETWORK, OTHER, f"{NETWORK},{OTHER}"])),
    max_size=4,
)
PACKETS = st.builds(
    Packet,
    st.sampled_from(["ingress", "egress"]),
    st.sampled_from([*(one.address for one in EVERYONE), "10.0.0.99", "192.0.2.1", "fd00::99"]),
    st.sampled_from(["tcp", "udp", "sctp", "icmp"]),
    st.sampled_from([21, 22, 80, 100, 443, 65535]),
)


@settings(max_examples=600)
@given(DOCUMENTS, st.sampled_from([ME, EVERYONE[3]]), st.lists(PACKETS, min_size=8, max_size=8))
def test_the_rule_set_lets_pass_what_the_documents_do(
    documents: list[dict[str, Any]], me: Someone, packets: list[Packet]
) -> None:
    policing = of(*documents, me=me)
    for packet in packets:
        wanted = expected(documents, me, EVERYONE, NAMESPACES, packet)
        assert found(policing, "net1", packet) is wanted, (packet, documents)


@given(SELECTOR, st.dictionaries(KEYS, VALUES))
def test_a_selector_chooses_alike_here_and_in_a_query(raw: dict[str, Any], labels: dict[str, str]) -> None:
    from podberth.cni.fields import Fields

    read = parse_selector(Fields(raw))
    assert read.matches(labels) is holds(raw, labels) is asked(str(read), labels)


def test_a_pod_that_no_policy_chooses_has_no_rules() -> None:
    assert of() == of(policy({"podSelector": {"matchLabels": {"app": "other"}}})) == of(policy({}, "red"))
    assert of(policy({}, networks="default/elsewhere")).links == ()


def test_a_policy_without_the_annotation_is_for_no_network() -> None:
    document = policy({})
    del document["metadata"]["annotations"]
    assert of(document).links == ()


def test_a_chosen_link_is_closed_in_the_direction_that_is_spoken_of_and_no_other_link_is() -> None:
    policing = of(policy({"podSelector": {}}))
    assert not passes(policing, "ingress", "10.0.0.11")
    assert passes(policing, "egress", "10.0.0.11")
    assert passes(policing, "ingress", "10.0.0.11", ifname="net2")


def test_policies_add_up() -> None:
    each = [policy({"ingress": [{"from": [{"podSelector": {"matchLabels": labels}}]}]}, name=str(i))
            for i, labels in enumerate(({"app": "web"}, {"tier": "1"}))]  # fmt: skip
    policing = of(*each)
    assert passes(policing, "ingress", "10.0.0.11")
    assert passes(policing, "ingress", "10.0.0.10")
    assert not passes(policing, "ingress", "10.0.0.21")  # of another namespace


def test_an_exception_takes_nothing_from_another_rule() -> None:
    blocks = [{"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.0.11/32"]}}, {"ipBlock": {"cidr": "10.0.0.11/32"}}]
    one = of(policy({"ingress": [{"from": blocks[:1]}]}))
    assert not passes(one, "ingress", "10.0.0.11")
    assert passes(of(policy({"ingress": [{"from": blocks}]})), "ingress", "10.0.0.11")


def test_a_port_s_name_is_that_of_the_pod_s_own_containers() -> None:
    document = policy({"ingress": [{"ports": [{"port": "mysql"}]}], "egress": [{"ports": [{"port": "mysql"}]}]})
    policing = of(document, ports=(NamedPort(name="mysql", protocol="tcp", port=3306),))
    assert passes(policing, "ingress", "10.0.0.11", port=3306)
    assert not passes(policing, "ingress", "10.0.0.11", port=3307)
    assert not passes(policing, "egress", "10.0.0.11", port=3306)  # a name of the peers' is known of no address


def test_a_peer_has_the_address_of_its_leg_on_the_policy_s_network() -> None:
    spec = {"ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}]}]}
    policing = of(policy(spec))
    assert passes(policing, "ingress", "10.0.0.21")
    assert not passes(policing, "ingress", "10.1.0.31")
    assert passes(of(policy(spec, networks=f"{NETWORK},{OTHER}")), "ingress", "10.1.0.31")


def test_one_keyed_set_serves_all_policies_with_the_same_selector() -> None:
    spec = {"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]}
    other = {
        "egress": [
            {"to": [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}}]}
        ]
    }
    read = [parse(policy(spec, name="a")), parse(policy(other, name="b"))]
    assert len(peers_of(read)) == 1


def test_who_is_not_known_yet_is_left_as_it_was() -> None:
    document = policy({"ingress": [{"from": [{"podSelector": {}}]}]})
    links = (Link(ifname="net1", network=NETWORK),)
    pod = Ruled(namespace="blue", labels={}, links=links)
    policing = ruling([parse(document)], pod, lambda _: None)
    assert [group.spans for group in policing.groups] == [None, None]
