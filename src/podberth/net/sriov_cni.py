"""What sriov-cni remembers of an attachment, read as what podberth keeps of a function of its own. Pure.

The file is the network's configuration with the function's state of before beside it (k8snetworkplumbingwg/sriov-cni,
pkg/types: NetConf, VfState).
"""

from __future__ import annotations

from podberth.cni import parsers, strictjson
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.value import value

FOLDER = "/var/lib/cni/sriov"  # sriov-cni knows no other (pkg/config: DefaultCNIDir)
_PROTOCOLS = {0: "802.1q", 0x8100: "802.1q", 0x88A8: "802.1ad"}
_LINK_STATES = ("auto", "enable", "disable")  # IFLA_VF_LINK_STATE_* in linux/if_link.h
_NONE = "00:00:00:00:00:00"
_NUMBER = parsers.integer(0, 2**32 - 1)


@value
class Remembered:
    """A function that sriov-cni has given to a pod.

    `device`: its PCI address. `link`: what its interface was called on the node, '' where a process drives it. `mtu`:
    of before, 0 if it is not said. `found`: settings of before, as a step of `ConfigureVf` keeps them.
    """

    device: str
    link: str
    mtu: int
    found: tuple[tuple[str, str], ...]


def read(data: bytes, path: str) -> Remembered:
    """Read a file of sriov-cni's. InvalidConfig names the field at fault."""
    fields = Fields(strictjson.loads(data, path, InvalidConfig), path, InvalidConfig).from_go()
    before = fields.child("OrigVfState") or Fields({}, f"{path}.OrigVfState", InvalidConfig).from_go()
    return Remembered(
        device=fields.required("deviceID", parsers.pci_address),
        link=before.get("HostIFName", parsers.ifname, ""),
        mtu=before.get("MTU", _NUMBER, 0),
        found=tuple(_found(fields, before).items()),
    )


def path_of(container_id: str, ifname: str) -> str:
    """Return the file that an attachment has."""
    return f"{FOLDER}/{container_id}-{ifname}"


def _found(fields: Fields, before: Fields) -> dict[str, str]:
    """Return what is to be put back: of the settings those that the network says, as sriov-cni's DEL does."""
    found = {"mac": before.get("AdminMAC", _administrative, _NONE)}
    effective = before.get("EffectiveMAC", parsers.mac, "")
    if effective:
        found["effective_mac"] = effective
    if fields.raw.get("vlan") is not None:
        protocol = _PROTOCOLS.get(before.get("VlanProto", _NUMBER, 0), _PROTOCOLS[0])
        found |= {"vlan": str(before.get("Vlan", _NUMBER, 0)), "qos": str(before.get("VlanQoS", _NUMBER, 0))}
        found["proto"] = protocol
    if any(fields.raw.get(key) is not None for key in ("min_tx_rate", "max_tx_rate")):
        found["min_tx_rate"] = str(before.get("MinTxRate", _NUMBER, 0))
        found["max_tx_rate"] = str(before.get("MaxTxRate", _NUMBER, 0))
    for key, name in (("spoofchk", "SpoofChk"), ("trust", "Trust")):
        if fields.said(key):
            found[key] = "yes" if before.get(name, parsers.boolean, False) else "no"
    if fields.said("link_state"):
        found["link_state"] = _LINK_STATES[before.get("LinkState", parsers.integer(0, 2), 0)]
    return found


def _administrative(raw: object) -> str:
    """Return a MAC; that of all zeros says that there is none."""
    return _NONE if raw == _NONE else parsers.mac(raw)
