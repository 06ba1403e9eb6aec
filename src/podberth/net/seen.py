"""What a plan asks of the node, and what it was answered: values, so that planning stays pure.

A plugin names its questions (`asks`), with what it was answered before: some follow from an answer. Then it plans.
"""

from __future__ import annotations

from podberth.cni.errors import UnsupportedField
from podberth.cni.value import value
from podberth.net.vf import FunctionWanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    from podberth.cni.netlist import NetworkList, PluginConf
    from podberth.net.facts import HostDevice, Link
    from podberth.net.host import Host
    from podberth.net.ops import Address, CallPlugins, Interface
    from podberth.net.settings import Settings
    from podberth.net.suited import Suited
    from podberth.net.vf import Vf


@value
class LinkNamed:
    """Which link of the node has the name? A Link, or None."""

    name: str

    def of(self, host: Host) -> Link | None:
        """Ask."""
        return host.named(self.name)


@value
class LinkInPod:
    """Which link in the pod's namespace has the name? A Link, or None."""

    netns: str
    name: str

    def of(self, host: Host) -> Link | None:
        """Ask."""
        return host.named_in(self.netns, self.name)


@value
class DefaultLink:
    """Which link has the default route, of the node (None) or of the pod? Its name, '' if there is none."""

    netns: str | None = None

    def of(self, host: Host) -> str:
        """Ask."""
        return host.default_link(self.netns)


@value
class DeviceSought:
    """Which device of the node is it? A HostDevice, or None. One of the fields is said.

    `mac`: that a link has. `path`: of a device in sysfs. `pci`: a PCI address. `any`: the name of a device on the PCI
    bus or on the auxiliary bus, whichever has it.
    """

    link: str = ""
    mac: str = ""
    path: str = ""
    pci: str = ""
    any: str = ""

    def of(self, host: Host) -> HostDevice | None:
        """Ask."""
        return host.device(self)


@value
class AddressesOf:
    """Which addresses has the link in the namespace, but IPv6 link-local ones? () if there is no link."""

    netns: str | None
    ifname: str

    def of(self, host: Host) -> tuple[Interface, ...]:
        """Ask."""
        return host.addresses(self.netns, self.ifname)


@value
class Can:
    """Is the node's kernel able to do it? It is tried out, which costs a few round trips."""

    ability: str

    def of(self, host: Host) -> bool:
        """Ask."""
        return host.can(self.ability)


@value
class SendersChecked:
    """Is it checked what the ipvlans of a link of the node send?"""

    parent: str

    def of(self, host: Host) -> bool:
        """Ask."""
        return host.checks_senders(self.parent)


@value
class Lines:
    """What does a file of the node say? Its lines without white space around them, or None without such a file."""

    path: str

    def of(self, host: Host) -> tuple[str, ...] | None:
        """Ask."""
        return host.lines(self.path)


@value
class PeerOf:
    """Which link of the node is the other end of a pod's veth pair? A Link, or None."""

    netns: str
    ifname: str

    def of(self, host: Host) -> Link | None:
        """Ask."""
        return host.peer(self.netns, self.ifname)


@value
class LinkTowards:
    """Which link of the node does the way to the address lead over? Its name, or None without a way."""

    address: Address

    def of(self, host: Host) -> str | None:
        """Ask."""
        return host.towards(self.address)


POD, DEFINITION, CLAIM = "Pod", "NetworkAttachmentDefinition", "IPAMClaim"  # kinds of objects


@value
class ObjectSought:
    """What does the API server of a kubeconfig have under the name? The object as JSON has it, or None.

    `kind`: POD, DEFINITION or CLAIM. `uid`: only one with that UID will do; '' for any.
    """

    kubeconfig: str
    kind: str
    namespace: str
    name: str
    uid: str = ""

    def of(self, host: Host) -> Mapping[str, object] | None:
        """Ask."""
        return host.outside.object(self)


@value
class NetworksAt:
    """Which networks do the files of a folder of the node describe, or the file at the path? () if none do."""

    path: str

    def of(self, host: Host) -> tuple[NetworkList, ...]:
        """Ask."""
        return host.outside.networks(self.path)


@value
class ChainAt:
    """Which plugins do the files of a folder of the node have, in order of their names? () if there is no folder."""

    path: str

    def of(self, host: Host) -> tuple[PluginConf, ...]:
        """Ask."""
        return host.outside.chain(self.path)


@value
class DevicesOf:
    """Which devices has the kubelet given to the pod? Pairs of resource and device, by container and address.

    TryAgainLater if that can't be known.
    """

    namespace: str
    name: str
    uid: str

    def of(self, host: Host) -> tuple[tuple[str, str], ...]:
        """Ask."""
        return host.outside.devices(self)


@value
class Suiting:
    """Which of the devices would the network's plugins take, as the pod is declared? A `Suited`."""

    call: CallPlugins
    among: tuple[str, ...]

    def of(self, host: Host) -> Suited:
        """Ask."""
        return host.outside.suiting(self.call, self.among)


if TYPE_CHECKING:
    Query: TypeAlias = (
        LinkNamed | LinkInPod | LinkTowards | DefaultLink | DeviceSought | AddressesOf | Can | Lines | PeerOf
        | SendersChecked | FunctionWanted | ObjectSought | NetworksAt | ChainAt | DevicesOf | Suiting
    )  # fmt: skip

FILTER_VLANS = Can(ability="bridges that filter VLANs")
VLAN_DEVICES = Can(ability="802.1Q devices")
RULES_OF_LINKS = Can(ability="rules of nf_tables for what a link receives and sends")
RULES_OF_PARENTS = Can(ability="rules of nf_tables that tell the node's frames from those of ipvlans")


def sender_rules(settings: Settings) -> tuple[Query, ...]:
    """Return the question whether senders can be checked, if they are to be."""
    return (RULES_OF_LINKS,) if settings.anti_spoofing else ()


def require_sender_rules(settings: Settings, seen: Seen) -> None:
    """Refuse what this node's kernel can't check. UnsupportedField."""
    if settings.anti_spoofing and not seen.can(RULES_OF_LINKS):
        raise UnsupportedField(
            f"antiSpoofing: this node's kernel has no {RULES_OF_LINKS.ability}: Linux 5.16 or later, with nf_tables,"
            " CONFIG_NETFILTER_INGRESS and CONFIG_NETFILTER_EGRESS",
            "leave it out for pods on this node, or run another kernel",
        )


def senders_at(parent: str, settings: Settings) -> Query:
    """Return the question about the link that an ipvlan stands on: whether senders can be checked there, or are."""
    return RULES_OF_PARENTS if settings.anti_spoofing else SendersChecked(parent=parent)


def lists_senders(parent: str, settings: Settings, seen: Seen) -> bool:
    """Say whether the ipvlan's addresses have to be listed at the link it stands on. UnsupportedField."""
    if not settings.anti_spoofing:
        return bool(seen.asked(SendersChecked(parent=parent)))
    if not seen.can(RULES_OF_PARENTS):
        raise UnsupportedField(
            f"antiSpoofing: this node's kernel has no {RULES_OF_PARENTS.ability}: nf_tables with CONFIG_NF_TABLES_ARP,"
            " CONFIG_NFT_FIB_NETDEV and CONFIG_CGROUP_NET_CLASSID",
            "leave it out for ipvlans of this node, run another kernel, or use device 'macvlan'",
        )
    return True


ROUNDS = 8  # of questions that follow from answers; in the last there is none


class Seen:
    """Answers by their queries. KeyError for what was not asked: `asks` has to name all that `plan` looks at.

    `wanted`: the function that is still to be claimed; None if none is asked for.
    """

    def __init__(self, answers: Mapping[Query, object] | None = None, wanted: FunctionWanted | None = None) -> None:
        self._answers = dict(answers or {})
        self.wanted = wanted

    def __contains__(self, query: object) -> bool:
        return query in self._answers or query == self.wanted

    def link(self, name: str) -> Link | None:
        """Return the node's link of that name, None if there is none."""
        found: Link | None = self._answers[LinkNamed(name=name)]  # type: ignore[assignment]
        return found

    def asked(self, query: Query) -> Any:
        """Return the answer to a query, of the type that it says."""
        return self._answers[query]

    def addresses(self, query: AddressesOf) -> tuple[Interface, ...]:
        """Return the addresses of a link."""
        found: tuple[Interface, ...] = self._answers[query]  # type: ignore[assignment]
        return found

    def towards(self, address: Address) -> str | None:
        """Return the name of the node's link that the way to the address leads over, None without a way."""
        found: str | None = self._answers[LinkTowards(address=address)]  # type: ignore[assignment]
        return found

    def can(self, ability: Can) -> bool:
        """Say whether the node's kernel is able to."""
        return bool(self._answers[ability])

    def lines(self, path: str) -> tuple[str, ...] | None:
        """Return the lines of a file of the node, None if there is none."""
        found: tuple[str, ...] | None = self._answers[Lines(path=path)]  # type: ignore[assignment]
        return found

    def peer(self, netns: str, ifname: str) -> Link | None:
        """Return the node's end of a pod's veth pair, None if there is none."""
        found: Link | None = self._answers[PeerOf(netns=netns, ifname=ifname)]  # type: ignore[assignment]
        return found

    def functions(self, wanted: FunctionWanted) -> tuple[Vf, ...]:
        """Return the virtual functions that were claimed, as many as are wanted."""
        found: tuple[Vf, ...] = self._answers[wanted]  # type: ignore[assignment]
        return found

    def with_answers(self, host: Host, queries: tuple[Query, ...]) -> Seen:
        """Return this, and the node's answers to more. What a function is wanted for is left open."""
        answers = dict(self._answers)
        wanted = self.wanted
        for query in queries:
            if isinstance(query, FunctionWanted):
                wanted = query
            else:
                answers[query] = query.of(host)
        return Seen(answers, wanted)

    def with_functions(self, vfs: tuple[Vf, ...]) -> Seen:
        """Return this, and the functions that were claimed."""
        assert self.wanted is not None
        return Seen({**self._answers, self.wanted: vfs}, self.wanted)


def see(host: Host, asks: Callable[[Seen], tuple[Query, ...]]) -> Seen:
    """Ask the node until nothing new is asked. RuntimeError, a plugin's bug, if that is not so after ROUNDS rounds."""
    seen = Seen()
    for _ in range(ROUNDS):
        new = tuple(query for query in asks(seen) if query not in seen)
        if not new:
            return seen
        seen = seen.with_answers(host, new)
    raise RuntimeError(f"a plugin asks on after {ROUNDS} rounds of answers")
