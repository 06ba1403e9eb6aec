"""Which keys the plugins that most networks are made of have, for `lint`: those of the CNI project.

A plugin of podberth's says its keys itself (`cni.keys`).

A key's kind is what JSON has there: 'text', 'number', 'boolean', 'object', 'list' or 'any'. From the plugins'
documentation, containernetworking/plugins 1.1 to 1.7, and sriov-cni 2.10.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

Keys = dict[str, str]


def _keys(**kinds: str) -> Keys:
    """Return the keys of a plugin: each kind has its keys in one string."""
    return {key: kind for kind, names in kinds.items() for key in names.split()}


# Every plugin's configuration may have these (SPEC.md section 1; `cni.dev` keys and those of libcni are the runtime's).
COMMON = _keys(
    text="cniVersion name type", list="cniVersions", object="capabilities ipam dns args runtimeConfig prevResult"
)

# Keys of the list around the plugins.
LIST = _keys(text="cniVersion name", list="cniVersions plugins", any="disableCheck disableGC loadOnlyInlinedPlugins")

PLUGINS: Mapping[str, Keys] = {
    "bridge": _keys(
        text="bridge ipMasqBackend mac",
        boolean="isGateway isDefaultGateway forceAddress ipMasq hairpinMode promiscMode preserveDefaultVlan macspoofchk"
        " enabledad disableContainerInterface portIsolation",
        number="mtu vlan",
        list="vlanTrunk",
    ),
    "ptp": _keys(text="ipMasqBackend", boolean="ipMasq", number="mtu"),
    "macvlan": _keys(text="master mode mac", number="mtu bcqueuelen", boolean="linkInContainer"),
    "ipvlan": _keys(text="master mode", number="mtu", boolean="linkInContainer"),
    "vlan": _keys(text="master", number="vlanId mtu", boolean="linkInContainer"),
    "host-device": _keys(text="device hwaddr kernelpath pciBusID deviceID", boolean="dpdkMode"),
    "dummy": {},
    "tap": _keys(text="mac selinuxContext bridge", number="mtu owner group", boolean="multiQueue"),
    "loopback": {},
    "portmap": _keys(
        text="externalSetMarkChain backend", boolean="snat masqAll", number="markMasqBit",
        list="conditionsV4 conditionsV6",
    ),
    "bandwidth": _keys(
        number="ingressRate ingressBurst egressRate egressBurst", list="unshapedSubnets shapedSubnets"
    ),
    "firewall": _keys(text="backend iptablesAdminChainName firewalldZone ingressPolicy"),
    "tuning": _keys(text="mac dataDir", number="mtu txQLen", boolean="promisc allmulti", object="sysctl"),
    "sbr": _keys(number="table"),
    "vrf": _keys(text="vrfname", number="table"),
}  # fmt: skip

IPAM: Mapping[str, Keys] = {
    "host-local": _keys(text="type dataDir resolvConf subnet rangeStart rangeEnd gateway", list="ranges routes"),
    "static": _keys(text="type", list="addresses routes", object="dns"),
    "dhcp": _keys(text="type daemonSocketPath", list="request provide", number="priority"),
}

# The capabilities that each plugin does something with; where nothing is said, nothing is checked.
CAPABILITIES: Mapping[str, frozenset[str]] = {
    "podberth": frozenset(("ips", "mac", "deviceID", "io.kubernetes.cri.pod-annotations")),
    "sriov": frozenset(("ips", "mac", "deviceID", "io.kubernetes.cri.pod-annotations", "infinibandGUID")),
    "bridge": frozenset(("mac", "ips")),
    "macvlan": frozenset(("mac", "ips")),
    "tap": frozenset(("mac", "ips")),
    "host-device": frozenset(("deviceID", "ips")),
    "tuning": frozenset(("mac",)),
    "portmap": frozenset(("portMappings",)),
    "bandwidth": frozenset(("bandwidth",)),
    "firewall": frozenset(),
}
