"""A node whose paths and name are the same on every machine: worker-1, its state in /var/lib/podberth."""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.netns.kubelet import BUILT, Kubelet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "worker-1"
STATE = "/var/lib/podberth"
# $0: the folder that stands for /var/lib; $1: the plugins. The mounts are the command's own.
_PLACES = """\
hostname worker-1
mount --bind "$0" /var/lib
mount -t tmpfs tmpfs /opt
mkdir -p /opt/cni/bin
mount --bind "$1" /opt/cni/bin
shift
exec "$@"
"""


@dataclass
class Worker(Kubelet):
    """A kubelet whose commands see its folder as /var/lib."""

    @property
    def at_node(self) -> list[str]:
        """What goes before a command that is to run on the node."""
        places = ["unshare", "--uts", "--mount", "sh", "-e", "-c", _PLACES, str(self.state.parent), str(BUILT)]
        return [*super().at_node, *places]

    def config(self, **changes: object) -> dict[str, object]:
        """Return the network configuration with changes; the state is where a node has it."""
        return super().config(**{"stateDir": None, **changes})

    def env(self, *words: Any, **options: Any) -> dict[str, str]:
        """Return a call's environment, with the folder of plugins that every node has."""
        return {**super().env(*words, **options), "CNI_PATH": "/opt/cni/bin", "PODBERTH_STATE": STATE}


@contextlib.contextmanager
def worker(folder: Path, *, bare: bool = False) -> Iterator[Worker]:
    """Have the node, with a parent for macvlan; every namespace is gone at the end."""
    state = folder / "podberth"
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Worker(state=state, bare=bare)
    if not bare:
        made.namespace(made.node)
        made.inside(made.node, "ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
        made.inside(made.node, "ip", "link", "set", "up0", "up")
    try:
        yield made
    finally:
        for namespace in made.namespaces:
            subprocess.run(["ip", "netns", "delete", namespace], check=False)
