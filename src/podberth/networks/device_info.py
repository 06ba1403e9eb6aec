"""Files about devices (device-info-spec 1.1): where they are, and what they may say. Pure."""

from __future__ import annotations

from podberth.cni import strictjson
from podberth.cni.errors import CniError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DP = "/var/run/k8s.cni.cncf.io/devinfo/dp"  # of device plugins
CNI = "/var/run/k8s.cni.cncf.io/devinfo/cni"  # of meta plugins, for CNI plugins
SUFFIX = "-device.json"
CAPABILITY = "CNIDeviceInfoFile"
MOST_BYTES = 1 << 14


def dp_file(resource: str, device: str, folder: str = DP) -> str:
    """Return the path of the file about a device that a device plugin has given."""
    return f"{folder}/{resource.replace('/', '-')}-{device}{SUFFIX}"


def dp_files(resources: Iterable[str], devices: Iterable[str], folder: str = DP) -> tuple[str, ...]:
    """Return where files about these devices may be: of several resources, nobody says which device is of which."""
    names, devices = tuple(dict.fromkeys(resources)), tuple(devices)
    return tuple(dp_file(resource, device, folder) for device in devices for resource in names)


def address_of(info: Mapping[str, object]) -> str:
    """Return the PCI address that a file is about; '' if it is about something else."""
    pci = info.get("pci")
    return str(pci.get("pci-address", "")) if isinstance(pci, dict) else ""


def cni_file(label: str, container_id: str, ifname: str, folder: str = CNI) -> str:
    """Return the path of the file about a network's device, as Multus has it."""
    return f"{folder}/{label.replace('/', '-')}-{container_id}_{ifname}"


def read(content: bytes) -> Mapping[str, object] | None:
    """Return what a file says; None if it is no such file."""
    try:
        found = strictjson.loads(content, "device-info", most=MOST_BYTES)
    except CniError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("type"), str) else None
