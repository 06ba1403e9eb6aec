"""The networks of one pod, each with its interface: the cluster's, and those that the pod selects."""

from __future__ import annotations

from fnmatch import fnmatchcase

from podberth.cni import netlist, parsers
from podberth.cni.errors import CniError, InvalidConfig, Refused
from podberth.cni.fields import shown
from podberth.cni.ipam_claim import KEY
from podberth.cni.netlist import NetworkList, PluginConf
from podberth.cni.strictjson import dumps
from podberth.cni.value import replace, value
from podberth.networks import device_info
from podberth.networks.allocation import RESOURCE
from podberth.networks.dealing import Need, deal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from podberth.cni.ipam_claim import IpamClaim
    from podberth.net.ops import CallPlugins
    from podberth.net.suited import Suited
    from podberth.networks.selection import Selection
    from podberth.networks.settings import Settings

_WISHES = ("IP", "GATEWAY", "MAC", "deviceID")  # keys of CNI_ARGS
PASSTHRU = "passthru"  # the plugin that has an empty result
META = ("podberth-networks", "multus", "multus-shim")
MOST_BYTES, MOST_OF_A_POD = 1 << 18, 1 << 20  # of configurations; a call takes a MiB, and a result goes with each
MOST_OF_A_NAME = 230  # characters of NETWORK-CONTAINER-INTERFACE, beside a process's own ending: 255 for a file
ANNOTATIONS = "io.kubernetes.cri.pod-annotations"  # of the pod, not of one network: each leg is offered it


@value
class Leg:
    """One network of a pod. `label` is how network-status calls it. `selection`: None of the cluster's networks.

    `ifname`: its interface, '' until `named` says it. `resource`: which devices of the kubelet's it needs; of a bond
    that has some of each, names with commas between. `device`: that which the kubelet has given the pod for it; those
    of a bond with commas between.
    """

    label: str
    network: NetworkList
    ifname: str = ""
    selection: Selection | None = None
    resource: str = ""
    device: str = ""

    @property
    def named(self) -> str:
        """The device that the pod names for it; '' if it names none."""
        said = dict(self.selection.capabilities).get("deviceID") if self.selection is not None else None
        return said if isinstance(said, str) else ""

    @property
    def resources(self) -> tuple[str, ...]:
        """The names of its resources."""
        return tuple(self.resource.split(",")) if self.resource else ()

    @property
    def lacks(self) -> bool:
        """Whether the kubelet has to say which device it gets, also where the pod names one."""
        return bool(self.resource) and not self.device

    def __str__(self) -> str:
        return f"{self.label} ({self.ifname})"

    @property
    def keeps_default(self) -> bool:
        """Whether the pod says that the default route is this network's."""
        return self.selection is not None and self.selection.default_route is not None

    @property
    def versions(self) -> tuple[str, ...]:
        """Of which IP versions, '4' and '6', the default route is this network's: of both if no gateway is named."""
        if not self.keeps_default:
            return ()
        return tuple(sorted({"6" if ":" in gateway else "4" for gateway in self.gateways})) or ("4", "6")

    @property
    def gateways(self) -> tuple[str, ...]:
        """The gateways that the pod names for it."""
        named = self.selection.default_route if self.selection is not None else None
        return tuple(map(str, named or ()))


def named(networks: Iterable[Leg], ifname: str) -> tuple[Leg, ...]:
    """Return the legs with their interfaces.

    The first has the name that the runtime says, the others `net1` and so on by their place, or what the pod says.
    Refused if two would have the same.
    """
    legs: list[Leg] = []
    for place, one in enumerate(networks):
        wanted = one.selection.interface if one.selection is not None else ""
        name = ifname if place == 0 else wanted or f"net{place}"
        other = next((leg for leg in legs if leg.ifname == name), None)
        if other is not None:
            raise Refused(
                f"the networks {other.label} and {one.label} would both have the interface {name}",
                "name another one for one of them, behind `@` or as `interface`",
            )
        legs.append(replace(one, ifname=name))
    for version in ("4", "6"):
        chosen = [leg for leg in legs if version in leg.versions]
        if len(chosen) > 1:
            raise Refused(
                f"default-route: both {chosen[0].label} ({chosen[0].ifname}) and {chosen[1].label} "
                f"({chosen[1].ifname}) are to have the default route of IPv{version}",
                "say it of one network, or of one of each IP version with its gateway",
            )
    return tuple(legs)


def sheds(leg: Leg, legs: Sequence[Leg]) -> tuple[str, ...]:
    """Return of which IP versions the leg is not to have the default routes that its network gives it.

    That is where the pod says that another's are to be, or names its gateway. A network of which it says `[]` keeps
    its own.
    """
    theirs = {version for each in legs if each is not leg for version in each.versions}
    return tuple(sorted(theirs | (set(leg.versions) if leg.gateways else set())))


def auxiliary(name: str, cni_version: str, plugins: Sequence[PluginConf]) -> NetworkList:
    """Return the network of an auxiliary chain: its plugins behind one that has an empty result."""
    first = PluginConf(type=PASSTHRU, capabilities=(), raw={"type": PASSTHRU})
    return NetworkList(name=name, cni_version=cni_version, plugins=(first, *plugins))


def require_reachable(settings: Settings, selected: Iterable[Selection], namespace: str) -> None:
    """Refuse definitions of namespaces that the pod's may not select from. Refused names the first."""
    if not settings.isolated:
        return
    for one in selected:
        if one.namespace != namespace and one.namespace not in settings.shared:
            raise Refused(
                f"namespaceIsolation: a pod of {namespace} may not select {one}",
                "put the definition into the pod's namespace, or its namespace into globalNamespaces",
            )


def require_trusted(settings: Settings, namespace: str, label: str) -> None:
    """Refuse a definition of a namespace whose word does not count: it would run as root on the node. Refused."""
    if namespace == settings.namespace or any(fnmatchcase(namespace, pattern) for pattern in settings.defining):
        return
    raise Refused(
        f"definitionNamespaces: {label} is a definition of {namespace}, whose definitions do not count on this node",
        "select one of a namespace that is named there; or the operator adds the namespace",
    )


def capabilities(leg: Leg, offered: Mapping[str, object], *, first: bool, info_file: str = "") -> dict[str, object]:
    """Return what the plugins of a leg are offered; `offered` is what the runtime has said.

    `info_file`: where a file about its device is.

    That is about the cluster's network, the first (multi-net-spec 7.5), but for what is about the pod. Refused for what
    the pod wants and no plugin of the network takes (4.1.2.1.3.2): an address that is asked for is not left out.
    """
    found = dict(offered) if first else {key: said for key, said in offered.items() if key == ANNOTATIONS}
    taken = {name for plugin in leg.network.plugins for name in plugin.capabilities}
    if info_file and device_info.CAPABILITY in taken:
        found[device_info.CAPABILITY] = info_file
    if leg.device:
        found["deviceID"] = leg.device
    selection = leg.selection
    if selection is None:
        return found
    wanted: dict[str, object] = dict(selection.capabilities)
    if selection.ips:
        wanted["ips"] = list(selection.ips)
    if selection.mac:
        wanted["mac"] = selection.mac
    lacking = sorted(name for name in wanted if name not in taken and name != "deviceID")
    if lacking:
        raise Refused(
            f"{leg.label}: the pod asks for {', '.join(lacking)}, which no plugin of the network takes",
            f'add "capabilities": {{"{lacking[0]}": true}} to the plugin that does, or take it out of the annotation',
        )
    return found | wanted


def args(leg: Leg, said: Mapping[str, str], *, first: bool) -> tuple[str, ...]:
    """Return CNI_ARGS for a leg; `said` is what the runtime has: its wishes are about the first leg.

    The addresses and the MAC that the pod asks for are here too, as Multus has them: some plugins look nowhere else.
    """
    found = {key: text for key, text in said.items() if first or key not in _WISHES}
    if leg.selection is not None:
        wanted = {"IP": ",".join(leg.selection.ips), "MAC": leg.selection.mac}
        found |= {key: text for key, text in wanted.items() if text}
    return tuple(f"{key}={text}" for key, text in found.items())


def configured(leg: Leg, claim: IpamClaim | None = None) -> str:
    """Return the leg's list of plugins as JSON, with what the pod says of it. `claim`: whose addresses it has.

    The plugin that gives the addresses is the first, or called by that.
    """
    selection, network = leg.selection, leg.network
    plugins = [{key: said for key, said in plugin.raw.items() if key != KEY} for plugin in network.plugins]
    if claim is not None:
        plugins[0][KEY] = claim.form
    said = {key: what for key, what in (selection.cni_args if selection is not None else ()) if key != RESOURCE}
    if leg.device:
        said[RESOURCE] = leg.resource  # which is not the pod's to say: what it names so is the kubelet's to take back
    device = leg.device or leg.named
    for raw in plugins:
        if said:
            raw["args"] = _with(raw.get("args"), said)
        if device:
            raw["deviceID"] = device
            if "," not in device:
                raw["pciBusID"] = device
    whole: dict[str, object] = {"cniVersion": network.cni_version, "name": network.name, "plugins": plugins}
    flags = (("disableCheck", network.disable_check), ("disableGC", network.disable_gc))
    whole |= {key: True for key, said in flags if said}
    return dumps(whole)


def _with(args: object, more: dict[str, object]) -> dict[str, object]:
    said = dict(args) if isinstance(args, dict) else {}
    cni = said.get("cni")
    return {**said, "cni": {**(cni if isinstance(cni, dict) else {}), **more}}


def dealt(
    legs: Sequence[Leg], pod: str, given: Iterable[tuple[str, str]], suited: Callable[[Leg], Suited]
) -> tuple[Leg, ...]:
    """Return the legs with the devices that the kubelet has given the pod, pairs of resource and device.

    What a pod names for one leg is no other's. It names one of those that it was given: any other of the resource is
    the kubelet's to give, perhaps to another pod. Refused as `dealing.deal`, and for other resources than a bond has
    members; InvalidConfig for a device that is no PCI device.
    """
    named = {device for leg in legs if not leg.lacks for device in _names(leg)}
    devices: dict[str, dict[str, None]] = {}
    for resource, device in given:
        if device not in named:
            devices.setdefault(resource, {})[device] = None
    suits = {place: _as_named(leg, suited(leg)) for place, leg in enumerate(legs) if leg.lacks}
    dealt_to: dict[int, tuple[str, ...]] = {}
    for resource in dict.fromkeys(each for place in suits for each in legs[place].resources):
        places = [place for place in suits if resource in legs[place].resources]
        needs = [
            Need(name=str(legs[place]), suited=suits[place], count=_count(legs[place], resource, suits[place].count))
            for place in places
        ]
        for place, its in zip(places, deal(resource, pod, needs, tuple(devices.get(resource, ()))), strict=True):
            dealt_to[place] = (*dealt_to.get(place, ()), *(_pci(device, resource) for device in its))
    return tuple(replace(leg, device=",".join(dealt_to.get(place, ()))) for place, leg in enumerate(legs))


def _count(leg: Leg, resource: str, members: int) -> int:
    """Return how many devices of a resource the leg has: all, or of several resources each time that it is named one.

    Refused where these are not as many as it has members.
    """
    if len(leg.resources) == 1:
        return members
    if len(leg.resources) != members:
        raise Refused(
            f"{leg}: its definition names {len(leg.resources)} resources ({leg.resource}), and its interface is made of"
            f" {members} function{'s' if members > 1 else ''}",
            "name one resource, or one for each member of a bond (`device: bond`, `members`)",
        )
    return leg.resources.count(resource)


def _names(leg: Leg) -> tuple[str, ...]:
    return tuple(device for device in leg.named.lower().split(",") if device)


def _as_named(leg: Leg, suited: Suited) -> Suited:
    """Return which devices suit the leg: those that the pod names, if it names any."""
    if not leg.named:
        return suited
    return replace(suited, devices=_names(leg), by=f"the pod's annotation (deviceID {shown(leg.named)})")


def _pci(device: str, resource: str) -> str:
    try:
        return parsers.pci_address(device)
    except ValueError as wrong:
        raise InvalidConfig(
            f"{resource}: the kubelet gives devices of it that are no virtual functions: {wrong}",
            "correct the annotation resourceName of the definition",
        ) from None


def require_room(configs: Iterable[tuple[str, str]]) -> None:
    """Refuse configurations, by how they are called, that are larger than a pod's may be. Refused names the network.

    It is asked before they are read: what a tenant wrote must not keep the process from other pods.
    """
    whole = 0
    for label, config in configs:
        whole += len(config)
        if len(config) > MOST_BYTES or whole > MOST_OF_A_POD:
            raise Refused(
                f"{label}: its configuration has {len(config)} bytes, and with the networks before it {whole}",
                f"a network may have {MOST_BYTES}, and all networks of a pod {MOST_OF_A_POD}",
            )


def _called_by(plugin: PluginConf) -> tuple[object, ...]:
    """Return the types that a plugin's configuration names: its own, and that of the plugin that gives addresses."""
    ipam = plugin.raw.get("ipam")
    return plugin.type, ipam.get("type") if isinstance(ipam, dict) else None


def require_sound(ops: Iterable[CallPlugins]) -> None:
    """Refuse calls that could be made and not be taken back. Refused names the network.

    Their configuration has to be readable as it is written, with room for a result beside it in one call, and libcni's
    file of the result has to have a name that a file can have. A meta plugin in the list of another would wait for the
    lock of the call that it is part of.
    """
    every = tuple(ops)
    require_room((op.label, op.config) for op in every)
    for op in every:
        try:
            network = netlist.parse(op.config.encode(), name=op.network)
        except CniError as wrong:
            raise Refused(f"{op.label}: {wrong.message}", wrong.details or "correct its configuration") from None
        meta = next((each for plugin in network.plugins for each in _called_by(plugin) if each in META), None)
        if meta is not None:
            raise Refused(
                f"{op.label}: {meta} calls networks, and is in none itself", "name the plugins that it would call"
            )
        if len(f"{op.network}-{op.container_id}-{op.ifname}") > MOST_OF_A_NAME:
            raise Refused(
                f"{op.label}: the name of its network has {len(op.network)} characters", "give it a shorter one"
            )
