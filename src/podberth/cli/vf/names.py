"""What a person calls a PF or a virtual function: a link's name or a PCI address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cli.failures import NotFound
from podberth.cli.options import Parsed
from podberth.cni import parsers
from podberth.cni.fields import shown
from podberth.linux import pci

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.verbs.node import Node


def name_or_address(text: str) -> str:
    """Return a link's name or a PCI address; ValueError if it is neither."""
    try:
        return parsers.pci_address(text) if text.count(":") == 2 else parsers.ifname(text)
    except ValueError:
        raise ValueError(f"expected a link's name or a PCI address as '0000:03:00.0', got {shown(text)}") from None


def pf_named(text: str) -> tuple[str, str, int, int]:
    """Return (PCI address, link, VFs there are, VFs there can be) of a PF. NotFound names those there are."""
    known = pci.pfs()
    for found in known:
        if text in found[:2]:
            return found
    names = ", ".join(link or address for address, link, _, _ in known)
    raise NotFound(
        f"{text} is no physical function of this node",
        f"those there are: {names}" if names else "this node has no card with SR-IOV, or it is turned off in the BIOS",
    )


def _pfs(_: Node) -> Iterable[str]:
    return (link or address for address, link, _, _ in pci.pfs())


def _devices(node: Node) -> Iterable[str]:
    return (*_pfs(node), *(vf.address for vf in node.host.vfs()))


PF = Parsed("PF", name_or_address, _pfs)
DEVICE = Parsed("DEVICE", name_or_address, _devices)
