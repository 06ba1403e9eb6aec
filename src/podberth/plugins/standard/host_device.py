"""The `host-device` type: a link of the node that is the pod's as long as the pod lives. Pure.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins,
plugins/main/host-device). A device that a driver gives to processes, as DPDK has it, is no link: nothing is moved.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig, Unfit
from podberth.cni.fields import Fields
from podberth.cni.keys import TEXT, Key
from podberth.cni.value import value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.plan import Made, Plan
from podberth.net.pod_side import inside, limits, refuse
from podberth.net.seen import DeviceSought
from podberth.net.settings import Standalone
from podberth.net.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.net.endpoint import Endpoint
    from podberth.net.facts import HostDevice
    from podberth.net.seen import Query, Seen

TYPES: tuple[str, ...] = ("host-device",)
SYSFS = "/sys/devices/"


def _kernel_path(raw: object) -> str:
    found = parsers.absolute_path(raw)
    if not found.startswith(SYSFS) or ".." in found.split("/"):
        raise ValueError(f"expected the path of a device below {SYSFS}, got {found!r}")
    return found


def _bus_name(raw: object) -> str:
    found = parsers.string(max=255)(raw)
    if "/" in found or found in (".", ".."):
        raise ValueError(f"expected the name of a device on its bus, got {found!r}")
    return found


DEVICE = Key(name="device", kind=TEXT, read=parsers.ifname, default="", what="The link's name on the node.")
HWADDR = Key(name="hwaddr", kind=TEXT, read=parsers.mac, default="", what="The link's MAC.")
KERNEL_PATH = Key(
    name="kernelpath", kind=TEXT, read=_kernel_path, default="", what="The device's path below /sys/devices/."
)
PCI = Key(name="pciBusID", kind=TEXT, read=parsers.pci_address, default="", what="The device's PCI address.")
KEYS: tuple[Key, ...] = (DEVICE, HWADDR, KERNEL_PATH, PCI)
ADDRESSES = Addresses.IPAM
SETTINGS = MAC = False


@value
class Conf(Standalone):
    """`sought`: the device, None if the configuration leaves it to the runtime's `deviceID`."""

    sought: DeviceSought | None


def configure(fields: Fields) -> Conf:
    """Read the configuration; of several keys the first counts. InvalidConfig names the key at fault."""
    link, mac, path, pci = DEVICE.of(fields), HWADDR.of(fields), KERNEL_PATH.of(fields), PCI.of(fields)
    if link:
        return Conf(sought=DeviceSought(link=link))
    if mac:
        return Conf(sought=DeviceSought(mac=mac))
    if path:
        return Conf(sought=DeviceSought(path=path))
    return Conf(sought=DeviceSought(pci=pci) if pci else None)


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return what the plan depends on: the device."""
    del endpoint, seen
    return (_sought(conf, call),)


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the endpoint. Unfit if the node has no such device, or it has no link."""
    refuse(endpoint.settings, "host-device", "mac", "mtu")
    sought, ifname, netns = _sought(conf, call), endpoint.attachment.ifname, endpoint.netns
    found: HostDevice | None = seen.asked(sought)
    if found is not None and found.userspace:
        return Plan(ops=(), interfaces=(Made(name=ifname, netns=netns, mac="", there=False),))
    if found is None or not found.link:
        key, name, where = _said(sought)
        raise Unfit(f"{key}: this node has no {'device' if found is None else 'link of'} {name} now", where)
    moved = ops.MoveLink(link=found.link, netns=netns, ifname=ifname)
    return Plan(
        ops=(moved, *inside(endpoint), *limits(endpoint)),
        interfaces=(Made(name=ifname, netns=netns),),
    )


def _said(sought: DeviceSought) -> tuple[str, str, str]:
    """Return the key that named the device, what it said, and where such names are to be seen."""
    links, functions = "`ip link` lists the links that are not a pod's already", "`lspci -D` lists the PCI devices"
    said = (
        (DEVICE.name, sought.link, links),
        (HWADDR.name, sought.mac, links),
        (KERNEL_PATH.name, sought.path, "its folder is below /sys/devices"),
        (PCI.name, sought.pci, functions),
    )
    return next((one for one in said if one[1]), ("runtimeConfig.deviceID", sought.any, functions))


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did."""
    link = theirs.pods_link(call)
    if link is None:
        return ()  # a driver for processes has it: nothing was moved
    lent = ops.AdoptDevice(netns=call.netns, ifname=call.ifname, mac=link.mac)
    return (Step(op=lent), *theirs.carried(call))


def _sought(conf: Conf, call: Call) -> DeviceSought:
    """Return the device that the runtime names, which it has allocated to the pod, or else the configuration."""
    runtime = Fields(dict(call.runtime_config or {}), "runtimeConfig").from_go()
    allocated = runtime.get("deviceID", _bus_name, "")
    if allocated:
        return DeviceSought(any=allocated)
    if conf.sought is None:
        raise InvalidConfig("device, hwaddr, kernelpath, pciBusID: one of them is required", "see `ip link`")
    return conf.sought
