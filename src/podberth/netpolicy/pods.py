"""What policies need to know of a pod, out of the API server's object: its labels, ports, and addresses by network."""

from __future__ import annotations

from itertools import islice

from podberth.cni import parsers, strictjson
from podberth.cni.errors import CniError, InvalidConfig
from podberth.cni.value import value
from podberth.netpolicy.document import TRANSPORTS
from podberth.networks.status import STATUS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from podberth.cni.parsers import Address

MOST_BYTES = 256 * 1024  # of a network-status: all annotations of an object have no more (Kubernetes)
MOST = 256  # addresses of a pod: it selects 64 networks at most
_ENDED = ("Succeeded", "Failed")


@value
class NamedPort:
    """A port of a pod's container, by its name."""

    name: str
    protocol: str
    port: int


def labels_of(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels of an object."""
    labels = found.get("metadata", {}).get("labels")
    return {key: text for key, text in labels.items() if isinstance(text, str)} if isinstance(labels, dict) else {}


def ports_of(found: Mapping[str, Any]) -> tuple[NamedPort, ...]:
    """Return the named ports of a pod's containers, those that keep running beside them too."""
    spec = found.get("spec", {})
    beside = (one for one in spec.get("initContainers", ()) if one.get("restartPolicy"))
    return tuple(
        NamedPort(name=port["name"], protocol=TRANSPORTS.get(port.get("protocol"), "tcp"), port=port["containerPort"])
        for one in (*spec.get("containers", ()), *beside)
        for port in one.get("ports", ())
        if port.get("name")
    )


def addresses_of(found: Mapping[str, Any]) -> tuple[tuple[str, Address], ...]:
    """Return a pod's addresses, each with the definition (NAMESPACE/NAME) of the network it is of.

    They are what the pod's network-status says; none of a pod that has ended, whose addresses may be another's. What
    can't be read is no address, nor is one more than a pod may have: a status is written by its namespace too, and
    each pod that lets in these peers has all of their addresses.
    """
    if found.get("status", {}).get("phase") in _ENDED:
        return ()
    text = (found.get("metadata", {}).get("annotations") or {}).get(STATUS)
    if not isinstance(text, str):
        return ()
    try:
        entries = strictjson.loads(text.encode("utf-8", "replace"), STATUS, InvalidConfig, most=MOST_BYTES, depth=8)
    except CniError:
        return ()
    return tuple(dict.fromkeys(islice(_addresses(entries), MOST))) if isinstance(entries, list) else ()


def _addresses(entries: list[Any]) -> Iterator[tuple[str, Address]]:
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            continue
        for raw in entry.get("ips") or () if isinstance(entry.get("ips"), list) else ():
            try:
                yield entry["name"], parsers.ip_request(raw)
            except ValueError:
                continue
