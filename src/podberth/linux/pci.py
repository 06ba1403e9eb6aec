"""PCI devices as sysfs shows them (Documentation/ABI/testing/sysfs-bus-pci): functions, their drivers, resets.

What is behind `net/` depends on the namespace sysfs was mounted in: the node's, where podberth runs. Nothing here knows
netlink.
"""

from __future__ import annotations

import errno
import os

from podberth.linux.patience import again, awaited
from podberth.net.vf import Vf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

DEVICES = "/sys/bus/pci/devices"
_SETTLED = 10.0  # seconds a driver has for giving a function its interface, or taking it away
_PAUSE = 0.005


def vfs() -> tuple[Vf, ...]:
    """Return every virtual function of this machine, by PF address and index."""
    found: list[Vf] = []
    for pf_address in sorted(_list(DEVICES)):
        if _number(f"{DEVICES}/{pf_address}/sriov_numvfs"):
            found += _of_pf(pf_address)
    return tuple(found)


def vf(address: str) -> Vf | None:
    """Return the virtual function with that PCI address, if there is one."""
    pf_address = _target(f"{DEVICES}/{address}/physfn")
    if not pf_address:
        return None
    return next(_of_pf(pf_address, only=address), None)


def pfs() -> tuple[tuple[str, str, int, int], ...]:
    """Return (PCI address, link, VFs there are, VFs there can be) of every physical function."""
    return tuple(
        (address, link(address), _number(f"{at}/sriov_numvfs"), total)
        for address in sorted(_list(DEVICES))
        if (total := _number((at := f"{DEVICES}/{address}") + "/sriov_totalvfs"))
    )


def set_vfs(pf_address: str, count: int) -> None:
    """Write sriov_numvfs: the kernel goes from none to some, or from some to none, only. OSError if it refuses."""
    _write(f"{DEVICES}/{pf_address}/sriov_numvfs", str(count))


def exists(address: str) -> bool:
    """Say whether the device is there."""
    return os.path.exists(f"{DEVICES}/{address}")


def incarnation(address: str) -> str:
    """Return what tells a device from one that had its address before; '' if there is none.

    The kernel gives each directory of sysfs a number that no other has until the next boot (fs/kernfs/dir.c).
    """
    try:
        return str(os.stat(f"{DEVICES}/{address}/").st_ino)
    except OSError:
        return ""


def link(address: str) -> str:
    """Return the device's interface in the node's namespace; '' if it has none, or it is in another."""
    return next(iter(sorted(_list(f"{DEVICES}/{address}/net"))), "")


def pf_link(address: str) -> str:
    """Return the interface of the physical function that a virtual one belongs to; '' if there is none here."""
    return link(f"{address}/physfn")


def mac_chosen_by(name: str) -> str:
    """Return who chose the MAC that a link has: its 'interface' (at random, or set there), or the 'device'.

    Of /sys/class/net/NAME/addr_assign_type: 1 is NET_ADDR_RANDOM, 3 NET_ADDR_SET (linux/netdevice.h).
    """
    return "interface" if _number(f"/sys/class/net/{name}/addr_assign_type") in (1, 3) else "device"


def driver(address: str) -> str:
    """Return the name of the device's driver; '' without one."""
    return _target(f"{DEVICES}/{address}/driver")


def character_devices(address: str) -> tuple[str, ...]:
    """Return the files by which a process drives the device; () if the kernel does (Documentation/driver-api/vfio.rst).

    Of vfio-pci that of its IOMMU group, and the one that all groups share; of a driver of UIO its own.
    """
    if driver(address) == "vfio-pci":
        group = _target(f"{DEVICES}/{address}/iommu_group")
        return (f"/dev/vfio/{group}", "/dev/vfio/vfio") if group else ()
    return tuple(f"/dev/{name}" for name in sorted(_list(f"{DEVICES}/{address}/uio")))


def root(address: str) -> str:
    """Return the root of the PCIe tree that the device is in, as 'pci0000:00'; '' if it is in none.

    That is the first folder of the device's path below /sys/devices.
    """
    try:
        below = os.readlink(f"{DEVICES}/{address}").rpartition("/devices/")[2]  # ../../../devices/pci0000:00/...
    except OSError:
        return ""
    return below.partition("/")[0] if below.startswith("pci") else ""


def unbind(address: str) -> None:
    """Take the device from its driver, if it has one."""
    if name := driver(address):
        _write(f"/sys/bus/pci/drivers/{name}/unbind", address)


def bind(address: str, name: str) -> None:
    """Give the device, which has no driver, to the one of that name; wait for the interface if it makes one."""
    _write(f"/sys/bus/pci/drivers/{name}/bind", address)
    awaited(lambda: bool(driver(address)), _SETTLED, _PAUSE)


def reset(address: str) -> bool:
    """Reset the function; False if sysfs offers no way to. A device that is busy is tried again, within a bound."""
    path = f"{DEVICES}/{address}/reset"
    if not os.path.exists(path):
        return False
    again(lambda: _write(path, "1"), (errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT), _SETTLED, 0.1)
    return True


def _of_pf(pf_address: str, only: str = "") -> Iterator[Vf]:
    at = f"{DEVICES}/{pf_address}"
    pf = link(pf_address)
    # Only the e-switch in switchdev mode gives its ports a switch's ID (Documentation/networking/switchdev.rst).
    switch = _text(f"/sys/class/net/{pf}/phys_switch_id") if pf else ""
    for index in range(_number(f"{at}/sriov_numvfs")):
        address = _target(f"{at}/virtfn{index}")
        if not address or address != (only or address):
            continue
        own = f"{DEVICES}/{address}"
        yield Vf(
            address=address,
            pf=pf,
            pf_address=pf_address,
            index=index,
            vendor=_text(f"{own}/vendor").removeprefix("0x"),
            device=_text(f"{own}/device").removeprefix("0x"),
            driver=driver(address),
            numa=_number(f"{own}/numa_node", -1),
            link=link(address),
            rdma=os.path.isdir(f"{own}/infiniband"),
            switchdev=bool(switch),
            representor=_representor(switch, index) if switch else "",
        )


def _representor(switch: str, index: int) -> str:
    """Return the link whose port is named for the function ('pf0vf3') on the same switch."""
    for name in _list("/sys/class/net"):
        port = _text(f"/sys/class/net/{name}/phys_port_name")
        if port.endswith(f"vf{index}") and _text(f"/sys/class/net/{name}/phys_switch_id") == switch:
            return name
    return ""


def _list(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _text(path: str) -> str:
    """Return a file's text; '' if there is none, or the driver has nothing to say (EOPNOTSUPP)."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _number(path: str, default: int = 0) -> int:
    try:
        return int(_text(path))
    except ValueError:
        return default


def _target(path: str) -> str:
    """Return the last name of what a symbolic link points to; '' if there is none."""
    try:
        return os.path.basename(os.readlink(path))
    except OSError:
        return ""


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
