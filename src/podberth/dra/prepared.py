"""What a node keeps of each claim that kubelet has had prepared: a file of JSON, there as a whole or not at all.

It is written before the first effect. By it the attachments are found again, made anew, and taken back.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from podberth.cni import strictjson
from podberth.cni.errors import CniError
from podberth.cni.pod import Attachment
from podberth.dra import kept
from podberth.dra.claim import CLAIM, POD

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A device of a claim as a pod's interface. `conf` is the network configuration that makes it, as JSON.

    `identity`: whose name and UID it goes by, 'Pod' or 'Claim', as the claim says. `mac` and `ips`, with prefix, are as
    they were made; '' and none before.
    """

    request: str
    pool: str
    device: str
    ifname: str
    conf: str
    identity: str
    mac: str = ""
    ips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A claim. `complete`: all its interfaces were made, and kubelet may be told so."""

    namespace: str
    name: str
    uid: str
    pod_name: str
    pod_uid: str
    interfaces: tuple[Interface, ...]
    complete: bool = False

    def __str__(self) -> str:
        return f"resource claim {self.namespace}/{self.name}"

    def owner(self, interface: Interface) -> tuple[str, str]:
        """Return the name and the UID of what the interface's address goes by.

        A claim may have its pod's name: whose the address is follows from what the claim says alone.
        """
        return (self.name, self.uid) if interface.identity == CLAIM else (self.pod_name, self.pod_uid)

    def attachment(self, interface: Interface) -> Attachment:
        """Return what its record and its leases are kept under: a claim's UID stands for the container's ID."""
        network = str(json.loads(interface.conf)["name"])
        return Attachment(network=network, container_id=self.uid, ifname=interface.ifname)


class PreparedClaims:
    """The claims of one node, in a folder; read once, and kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Prepared] = {}
        self.unreadable: tuple[str, ...] = ()

    def load(self) -> None:
        """Read what is there. A file that says nothing of use is left where it is, and named in `unreadable`."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known, unreadable = {}, []
        for path in sorted(self._folder.glob("*.json")):
            try:
                found = _read(strictjson.loads(path.read_bytes(), path.name))
                if path != self._file(found.uid):
                    raise ValueError("another claim's file")  # noqa: TRY301 - it is as unreadable as any other
            except (AttributeError, CniError, KeyError, OSError, TypeError, ValueError):
                unreadable.append(str(path))
            else:
                known[found.uid] = found
        self._known, self.unreadable = known, tuple(unreadable)

    def find(self, uid: str) -> Prepared | None:
        """Return the claim with that UID."""
        return self._known.get(uid)

    def all(self) -> tuple[Prepared, ...]:
        """Return every claim."""
        return tuple(self._known.values())

    def of_pod(self, uid: str) -> tuple[Prepared, ...]:
        """Return the claims of the pod with that UID."""
        return tuple(each for each in self.all() if each.pod_uid == uid)

    def of_earlier(self, namespace: str, name: str, uid: str) -> tuple[Prepared, ...]:
        """Return the claims of pods of that name with another UID."""
        named = (each for each in self.all() if (each.namespace, each.pod_name) == (namespace, name))
        return tuple(each for each in named if each.pod_uid != uid)

    def put(self, prepared: Prepared) -> None:
        """Keep the claim, in place of what was kept of it. StoreFailed."""
        content = json.dumps(asdict(prepared), sort_keys=True).encode()
        kept.put(self._file(prepared.uid), content, 0o600, "is the disk full?")
        self._known[prepared.uid] = prepared

    def remove(self, uid: str) -> None:
        """Forget the claim; nothing happens if there is none. StoreFailed."""
        kept.remove(self._file(uid))
        self._known.pop(uid, None)

    def _file(self, uid: str) -> Path:
        return self._folder / f"{uid}.json"


def _read(said: Any) -> Prepared:
    """Return what a file says. It raises AttributeError, KeyError, TypeError or ValueError for anything else."""
    interfaces = tuple(Interface(**{**each, "ips": tuple(each["ips"])}) for each in said["interfaces"])
    found = Prepared(**{**said, "interfaces": interfaces})
    for each in interfaces:
        found.attachment(each)  # for which its configuration has to be readable
        if each.identity not in (POD, CLAIM):
            raise ValueError(each.identity)
    return found
