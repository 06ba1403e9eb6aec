"""The fence of a claim: a specification of CDI, by which the runtime itself looks for the link before a container.

An OCI hook fails unless the pod's namespace has the link. It needs no agent: a runtime that has given up a plugin of
NRI goes on without it (cncf-tags/container-device-interface, SPEC.md; opencontainers/runtime-spec, createRuntime).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podberth.dra import kept

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.dra.prepared import Prepared

VERSION = "0.5.0"  # of the specification: containerd 1.7 and CRI-O 1.26 read it
CLASS = "claim"
_SECONDS = 5  # that a hook may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Where specifications are, and what looks for links: a program of the node, by its path there."""

    folder: Path
    hook: str
    vendor: str

    def names(self, prepared: Prepared) -> tuple[str, ...]:
        """Return the name of the device for each interface of a claim, as kubelet hands it to the runtime."""
        return tuple(f"{self.vendor}/{CLASS}={_device(prepared, n)}" for n in range(len(prepared.interfaces)))

    def specification(self, prepared: Prepared) -> dict[str, object]:
        """Return the specification of a claim."""
        return {
            "cdiVersion": VERSION,
            "kind": f"{self.vendor}/{CLASS}",
            "devices": [
                {"name": _device(prepared, n), "containerEdits": {"hooks": [self._hook(each.ifname, each.mac)]}}
                for n, each in enumerate(prepared.interfaces)
            ],
        }

    def put(self, prepared: Prepared) -> None:
        """Write the specification of a claim. StoreFailed."""
        content = json.dumps(self.specification(prepared)).encode()
        kept.put(self._file(prepared.uid), content, 0o644, "see --cdi-dir")

    def remove(self, uid: str) -> None:
        """Take the specification away; nothing happens if there is none. StoreFailed."""
        kept.remove(self._file(uid))

    def _hook(self, ifname: str, mac: str) -> dict[str, object]:
        name = self.hook.rpartition("/")[2]
        return {"hookName": "createRuntime", "path": self.hook, "args": [name, ifname, mac], "timeout": _SECONDS}

    def _file(self, uid: str) -> Path:
        return self.folder / f"{self.vendor}-{CLASS}-{uid}.json"


def _device(prepared: Prepared, number: int) -> str:
    return f"claim-{prepared.uid}-{number}"
