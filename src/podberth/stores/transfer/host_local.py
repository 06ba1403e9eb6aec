"""What host-local keeps: in a network's directory a file for each address (its plugins/ipam/host-local/backend/disk).

The file's name is the address. In it is the container's ID and, on the next line, the interface; older ones have the ID
alone. `last_reserved_ip.N` is where the next search begins, `lock` is its lock.
"""

from __future__ import annotations

import os
import stat

from podberth.cni import parsers
from podberth.cni.errors import IOFailure
from podberth.cni.fields import shown
from podberth.cni.pod import Attachment
from podberth.stores.transfer.found import Found

_MOST = 1024  # bytes of a file: an ID and an interface
_NOT_ADDRESSES = ("lock", "last_reserved_ip.")


def read(directory: str, network: str, ifname: str) -> tuple[list[Found], list[str]]:
    """Return the addresses of a network's directory, and what in it can't be read. `ifname`: where none is written."""
    found: list[Found] = []
    complaints: list[str] = []
    try:
        names = sorted(os.listdir(directory))
    except OSError as wrong:
        raise IOFailure(f"{directory}: {wrong.strerror}", "name the directory of host-local's network") from None
    for name in names:
        if name == _NOT_ADDRESSES[0] or name.startswith(_NOT_ADDRESSES[1]):
            continue
        path = os.path.join(directory, name)
        try:
            found.append(_file(path, name, network, ifname))
        except OSError as wrong:
            complaints.append(f"{path}: {wrong.strerror}")
        except ValueError as wrong:
            complaints.append(f"{path}: {wrong}")
    return found, complaints


def _file(path: str, name: str, network: str, ifname: str) -> Found:
    address = parsers.ip_address(name)
    # Neither a link nor a pipe is followed or waited for: others may write to the directory.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("is no regular file")
        data = stream.read(_MOST + 1)
    if len(data) > _MOST:
        raise ValueError(f"expected at most {_MOST} bytes")
    lines = data.decode("utf-8", "replace").strip().splitlines()
    if not 1 <= len(lines) <= 2:
        raise ValueError(f"expected a container's ID and an interface, got {shown(data)}")
    interface = parsers.ifname(lines[1].strip()) if len(lines) > 1 else ifname
    attachment = Attachment(network=network, container_id=parsers.identifier(lines[0].strip()), ifname=interface)
    return Found(address=address, attachment=attachment, pod=None, where=path)
