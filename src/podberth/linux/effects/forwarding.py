"""Forwarding between the node's links: turned on where it is off, never off again, since others rely on it too."""

from __future__ import annotations

import os

from podberth.linux.netlink import devconf
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.linux.namespaces import Namespaces
    from podberth.net.ops import EnableForwarding

_KEYS = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}


def enable(namespaces: Namespaces, op: EnableForwarding) -> None:
    """Turn it on unless it is. OSError if the kernel has no such protocol."""
    if not _is_on(namespaces, op):
        namespaces.call(None, lambda: _write(f"/proc/sys/{_KEYS[op.version]}"))


def check(namespaces: Namespaces, op: EnableForwarding) -> tuple[Drift, ...]:
    """Compare with on."""
    if _is_on(namespaces, op):
        return ()
    return (Drift(what=_KEYS[op.version], field="value", wanted="1", found="0"),)


def _is_on(namespaces: Namespaces, op: EnableForwarding) -> bool:
    body = namespaces.socket(None).get(devconf.GET, devconf.of_all(op.version))
    return body is not None and devconf.parse_forwarding(body)


def _write(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, b"1\n")
    finally:
        os.close(descriptor)
