"""The `bond` type: one link out of several that are in the pod already, or are brought there from the node. Pure.

Its keys and results are those of the plugin of that name (github.com/k8snetworkplumbingwg/bond-cni, README.md). Links
in the pod are those of its other networks, or of plugins before this one in the chain. `device: bond` of the types
`podberth` and `sriov` is another way to a bond: its members are virtual functions that this node chooses.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig, Unfit
from podberth.cni.keys import BOOLEAN, LIST, Key
from podberth.cni.value import value
from podberth.net import adopted as theirs
from podberth.net import bonding, keys, ops
from podberth.net.addresses import Addresses
from podberth.net.plan import Made, Plan
from podberth.net.pod_side import announcement, inside, limits, refuse
from podberth.net.seen import LinkInPod, LinkNamed
from podberth.net.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.net.endpoint import Endpoint
    from podberth.net.facts import Link
    from podberth.net.seen import Query, Seen
    from podberth.net.step import Step

TYPES: tuple[str, ...] = ("bond",)
LINKS = Key(
    name="links", kind=LIST, read=parsers.members,
    what="The members: objects with a `name` each. Behind another plugin: if"
    " none are named, those that it made in the pod.",
)  # fmt: skip
IN_POD = Key(
    name="linksInContainer", kind=BOOLEAN, read=parsers.boolean, default=False,
    what="The links are in the pod's namespace. If not, they are brought there from the node.",
)  # fmt: skip
KEYS: tuple[Key, ...] = (LINKS, IN_POD, *bonding.KEYS, keys.MTU)
ADDRESSES = Addresses.IPAM
SETTINGS = MAC = False
CARRIER_MS = 1000  # a member's carrier is looked at every `miimon` milliseconds; what is sent before is lost


@value
class Conf:
    """`links` are the members' names, in the pod or on the node; () for those of prevResult."""

    bonding: ops.CreateBond
    links: tuple[str, ...]
    in_pod: bool
    settings: Settings
    parent: str = ""
    vf: None = None
    members: int = 1

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Nothing that STATUS could ask for: a link of the node's may be a pod's at the moment."""
        return ()


def configure(fields: Fields) -> Conf:
    """Read the configuration. InvalidConfig names the key at fault."""
    links: tuple[str, ...] = ()
    if fields.said(LINKS.name):
        links = tuple(_name(one) for one in fields.children(LINKS.name, most=bonding.MOST_MEMBERS))
        if len(links) < 2 or len(set(links)) < len(links):
            raise fields.fail(LINKS.name, f"expected two links or more, each once, got {len(links)}", "see `ip link`")
    return Conf(
        bonding=bonding.parse(fields, bonding.MODE.of(fields)),
        links=links,
        in_pod=IN_POD.of(fields),
        settings=Settings(mtu=keys.MTU.of(fields)),
    )


def _name(fields: Fields) -> str:
    return fields.required("name", parsers.ifname)


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return what the plan depends on: the members."""
    del seen
    return tuple(_members(conf, call, endpoint).values())


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the endpoint. Unfit or InvalidConfig for a link that can be no member."""
    refuse(endpoint.settings, "bond", "mac")
    ifname, netns, mtu = endpoint.attachment.ifname, endpoint.netns, endpoint.settings.mtu
    members = _members(conf, call, endpoint)
    for name, query in members.items():
        _require(call, endpoint, name, query, seen.asked(query))
    moved = tuple(
        ops.MoveLink(link=name, netns=netns, ifname=name)
        for name, query in members.items()
        if isinstance(query, LinkNamed)
    )
    return Plan(
        ops=(
            *moved,
            bonding.made(conf.bonding, netns, ifname, mtu),
            *bonding.joined(netns, ifname, members),
            *inside(endpoint, carrier_ms=CARRIER_MS),
            *limits(endpoint),
            *announcement(endpoint),
        ),
        interfaces=(Made(name=ifname, netns=netns),),
    )


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the plugin that the keys are from has made for the call's attachment, if it did.

    Its members are others' in the pod; those of the node's come back when the pod's namespace ends.
    """
    return tuple(theirs.link(call, "bond"))


def _members(conf: Conf, call: Call, endpoint: Endpoint) -> dict[str, LinkInPod | LinkNamed]:
    """Return the question about each member by its name. InvalidConfig if nobody says two of them."""
    if conf.links:
        return {
            name: LinkInPod(netns=endpoint.netns, name=name) if conf.in_pod else LinkNamed(name=name)
            for name in conf.links
        }
    made = call.previous.interfaces if call.previous is not None else ()
    names = dict.fromkeys(one.name for one in made if one.sandbox and one.name != endpoint.attachment.ifname)
    if not 2 <= len(names) <= bonding.MOST_MEMBERS:
        raise call.conf.fields.fail(
            LINKS.name,
            f"required: prevResult has {len(names)} interfaces of the pod beside CNI_IFNAME",
            "name two links",
        )
    return {name: LinkInPod(netns=endpoint.netns, name=name) for name in names}


def _require(call: Call, endpoint: Endpoint, name: str, query: Query, link: Link | None) -> None:
    if name == endpoint.attachment.ifname:
        raise InvalidConfig(
            f"links: {name} is the bond itself, by CNI_IFNAME",
            "name members otherwise, or give the network another name",
        )
    if link is None and isinstance(query, LinkInPod):
        raise InvalidConfig(
            f"links: in the pod's namespace, {endpoint.netns}, there is no link {name} now",
            "the network that makes it has to come before this one",
        )
    if link is None:
        raise Unfit(
            f"links: this node has no link {name} now", "bring it up, correct `links`, or say `linksInContainer: true`"
        )
    mtu = endpoint.settings.mtu
    if mtu is not None and mtu > link.mtu:
        raise InvalidConfig(f"mtu: expected at most {link.mtu}, which {name} has, got {mtu}", "lower it")
    before = call.previous
    for ip in before.ips if before is not None else ():
        if before is not None and ip.interface is not None and before.interfaces[ip.interface].name == name:
            raise InvalidConfig(
                f"prevResult.ips: {name} has {ip.address}, and a member's address is not the bond's",
                "leave `ipam` out of the plugin before, and name it here",
            )
