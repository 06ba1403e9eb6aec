"""A MultiNetworkPolicy (k8s.cni.cncf.io/v1beta2 or v1beta1) as a value, read as tenants wrote it.

What can't be read is a mistake, with its path, and all else is read. What of a document with mistakes holds, `standing`
says.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import CniError, InvalidConfig
from podberth.cni.fields import Fields, shown
from podberth.cni.labels import LabelSelector
from podberth.cni.labels_document import parse_selector
from podberth.cni.value import value
from podberth.net.policing import merged, without

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    from podberth.net.policing import Spans

    T = TypeVar("T")

POLICY_FOR = "k8s.v1.cni.cncf.io/policy-for"
INGRESS, EGRESS = "Ingress", "Egress"
MOST = 256  # rules, peers or ports of one list, and networks of one policy
MOST_PORT = 65535
MOST_REQUIREMENTS = 64  # of one selector, and values of each: a selector of peers is part of a URL
TRANSPORTS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
_POLICY_FOR = f"metadata.annotations[{POLICY_FOR!r}]"


@value
class Port:
    """Ports of a protocol, `first` to `last`; or the port of that `name` of a pod's containers."""

    protocol: str
    first: int = 0
    last: int = MOST_PORT
    name: str = ""


@value
class Peer:
    """Pods by their labels, in namespaces by theirs; `namespaces` None is the policy's own namespace."""

    pods: LabelSelector
    namespaces: LabelSelector | None = None


@value
class Rule:
    """What one rule allows: traffic with any of its peers, over any of its ports; None is every one.

    `blocks` are addresses by IP version, what is excepted taken out.
    """

    peers: tuple[Peer, ...] | None
    blocks: tuple[tuple[int, Spans], ...] = ()
    ports: tuple[Port, ...] | None = None


@value
class Policy:
    """One document. `networks` are definitions, as NAMESPACE/NAME. `ingress`, `egress`: None is not spoken of.

    `mistakes` are what could not be read, each with the path of the field. `networks` and `pods` are None then.
    """

    namespace: str
    name: str
    networks: tuple[str, ...] | None
    pods: LabelSelector | None
    ingress: tuple[Rule, ...] | None
    egress: tuple[Rule, ...] | None
    mistakes: tuple[str, ...] = ()

    @property
    def blind(self) -> bool:
        """Whether it can't be read which pods it chooses, or for which networks."""
        return self.networks is None or self.pods is None

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def parse(raw: Mapping[str, object]) -> Policy:
    """Read a document. InvalidConfig if it has no name."""
    fields = Fields(raw)
    metadata = fields.child("metadata") or Fields({}, "metadata")
    namespace = metadata.required("namespace", parsers.label)
    mistakes: list[str] = []
    spec = _kept(lambda: fields.section("spec"), mistakes) or Fields({"podSelector": ""}, "spec")
    selector = _kept(lambda: _selector(spec), mistakes)
    kinds = _kept(lambda: _kinds(spec), mistakes) or (INGRESS, EGRESS)
    return Policy(
        namespace=namespace,
        name=metadata.required("name", parsers.name),
        networks=_kept(lambda: _networks(metadata, namespace), mistakes),
        pods=selector,
        ingress=_rules(spec, "ingress", "from", mistakes) if INGRESS in kinds else None,
        egress=_rules(spec, "egress", "to", mistakes) if EGRESS in kinds else None,
        mistakes=tuple(mistakes),
    )


def _selector(spec: Fields) -> LabelSelector:
    found = spec.child("podSelector")
    return _choice(found) if found is not None else LabelSelector()


def _choice(fields: Fields) -> LabelSelector:
    return parse_selector(fields, most=MOST_REQUIREMENTS)


def _networks(metadata: Fields, namespace: str) -> tuple[str, ...]:
    """Return the definitions that the policy is for: of none, where the annotation is not there."""
    annotations = metadata.child("annotations")
    text = annotations.raw.get(POLICY_FOR) if annotations is not None else None
    if text is None:
        return ()
    if not isinstance(text, str):
        raise InvalidConfig(f"{_POLICY_FOR}: expected a string, got {shown(text)}")
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) > MOST:
        raise InvalidConfig(f"{_POLICY_FOR}: expected at most {MOST} networks, got {len(names)}")
    return tuple(sorted({_network(name, namespace) for name in names}))


def _network(name: str, namespace: str) -> str:
    whose, slash, bare = name.rpartition("/")
    try:
        return f"{parsers.label(whose) if slash else namespace}/{parsers.name(bare)}"
    except ValueError as wrong:
        raise InvalidConfig(f"{_POLICY_FOR}: {wrong}", "name definitions as NAME or NAMESPACE/NAME") from None


def _kinds(spec: Fields) -> tuple[str, ...]:
    """Return the directions that it speaks of: as it says, else Ingress, and Egress if it has such rules."""
    said = spec.each("policyTypes", _kind, most=MOST)
    return said or ((INGRESS, EGRESS) if spec.raw.get("egress") else (INGRESS,))


def _kind(raw: object) -> str:
    """Return a direction, in whichever case it is written."""
    return parsers.choice(INGRESS, EGRESS)(raw.capitalize() if isinstance(raw, str) else raw)


def _rules(spec: Fields, key: str, peers: str, mistakes: list[str]) -> tuple[Rule, ...]:
    found = _kept(lambda: spec.children(key, most=MOST), mistakes)
    made = (_kept(lambda one=one: _rule(one, peers, mistakes), mistakes) for one in found or ())  # type: ignore[misc]
    return tuple(one for one in made if one is not None)


def _rule(fields: Fields, key: str, mistakes: list[str]) -> Rule:
    fields.only((key, "ports"))
    said, ports = fields.children(key, most=MOST), fields.children("ports", most=MOST)
    peers, blocks = [], []
    for one in said:
        found = _kept(lambda one=one: _peer(one), mistakes)  # type: ignore[misc]
        if isinstance(found, Peer):
            peers.append(found)
        elif found is not None:
            blocks.append(found)
    return Rule(
        peers=tuple(dict.fromkeys(peers)) if said else None,
        blocks=tuple(_by_version(blocks)),
        ports=tuple(_all_kept(_port, ports, mistakes)) if ports else None,
    )


def _peer(fields: Fields) -> Peer | tuple[int, Spans]:
    fields.only(("podSelector", "namespaceSelector", "ipBlock"))
    block, pods, namespaces = (fields.child(key) for key in ("ipBlock", "podSelector", "namespaceSelector"))
    if block is not None:
        if pods is not None or namespaces is not None:
            raise fields.fail("ipBlock", "expected it alone, got a selector beside it")
        return _block(block)
    if pods is None and namespaces is None:
        raise fields.fail("podSelector", "expected it, namespaceSelector or ipBlock; an empty peer is nobody")
    return Peer(
        pods=_choice(pods) if pods is not None else LabelSelector(),
        namespaces=_choice(namespaces) if namespaces is not None else None,
    )


def _block(fields: Fields) -> tuple[int, Spans]:
    fields.only(("cidr", "except"))
    cidr = fields.required("cidr", parsers.ip_prefix)
    taken = fields.each("except", parsers.ip_prefix, most=MOST)
    spans = [(int(one[0]), int(one[-1])) for one in taken if one.version == cidr.version]
    if len(spans) != len(taken):
        raise fields.fail("except", f"expected networks of IPv{cidr.version}, as the cidr is")
    return cidr.version, without((int(cidr[0]), int(cidr[-1])), tuple(spans))


def _by_version(blocks: Iterable[tuple[int, Spans]]) -> Iterable[tuple[int, Spans]]:
    found: dict[int, Spans] = {}
    for version, spans in blocks:
        found[version] = (*found.get(version, ()), *spans)
    return ((version, merged(spans)) for version, spans in sorted(found.items()))


def _port(fields: Fields) -> Port:
    fields.only(("protocol", "port", "endPort"))
    protocol = TRANSPORTS[fields.get("protocol", parsers.choice(*TRANSPORTS), "TCP")]
    end = fields.optional("endPort", parsers.integer(1, MOST_PORT))
    raw = fields.raw.get("port")
    if raw is None:
        if end is not None:
            raise fields.fail("endPort", "expected a port to begin with")
        return Port(protocol=protocol)
    if isinstance(raw, str):
        if end is not None:
            raise fields.fail("endPort", "expected no end behind a port's name")
        return Port(protocol=protocol, name=fields.required("port", parsers.label))
    first = fields.required("port", parsers.integer(1, MOST_PORT))
    if end is not None and end < first:
        raise fields.fail("endPort", f"expected {first} or more, got {end}")
    return Port(protocol=protocol, first=first, last=first if end is None else end)


def _all_kept(read: Callable[[Fields], T], each: Iterable[Fields], mistakes: list[str]) -> Iterable[T]:
    made = (_kept(lambda one=one: read(one), mistakes) for one in each)  # type: ignore[misc]
    return (one for one in made if one is not None)


def _kept(read: Callable[[], T], mistakes: list[str]) -> T | None:
    """Return what is read; None, and the mistake on the list, where that can't be."""
    try:
        return read()
    except CniError as wrong:
        mistakes.append(wrong.message)
        return None
